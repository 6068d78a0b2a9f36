package transport

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A pulse is alive as long as calls follow each other closely.
func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pulse
		alive := func() bool { return p.alive(time.Since(processStart)) }
		require.False(t, alive(), "the first call")
		time.Sleep(pulsePeriod)
		require.False(t, alive(), "a call for each period is not worth a timer")
		require.Zero(t, p.due.Load())
		time.Sleep(pulsePeriod / 2)
		require.False(t, alive(), "whoever sets the timer has to wake the monitor")
		for range 10 {
			time.Sleep(pulsePeriod * 2 / 3)
			synctest.Wait()
			require.True(t, alive())
		}
		time.Sleep(3 * pulsePeriod)
		synctest.Wait()
		require.Less(t, time.Duration(p.due.Load()), time.Since(processStart), "nobody has asked, so no timer is left")
		require.False(t, alive())
		time.Sleep(pulsePeriod / 2)
		require.False(t, alive(), "it was set anew")
		require.True(t, alive())
	})
}

// If another goroutine is first to set the timer, there is only one.
func TestPulseIsSetOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pulse
		time.Sleep(time.Hour)
		now := time.Since(processStart)
		p.beat(0, now)
		p.beat(0, now+1)
		require.Equal(t, now+pulsePeriod, time.Duration(p.due.Load()))
		require.True(t, p.alive(time.Since(processStart)))
		time.Sleep(pulsePeriod + pulsePeriod/2)
		synctest.Wait()
		require.Equal(t, now+2*pulsePeriod, time.Duration(p.due.Load()))
	})
}
