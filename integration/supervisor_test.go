//go:build integration && linux

package integration_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// supervisorEnv marks the copy of the test binary that is the supervisor.
const supervisorEnv = "INTEGRATION_SUPERVISOR"

const (
	startLimit  = 20 * time.Second // for all servers together; they need less than one
	stopLimit   = 5 * time.Second  // for a server after SIGTERM, then it is killed
	orphanLimit = time.Second      // for what servers leave behind, then it is killed
)

// A plan says what the supervisor runs. Dir holds the logs and is removed at the end.
type plan struct {
	Dir      string
	Commands []command
}

// A command is one server process, which stays in the foreground.
type command struct {
	Name  string
	Args  []string // the program first
	Env   []string // added to the environment
	Ports []int    // ready when all of them accept connections
}

// A supervisor is a process of its own, so that it outlives the tests for as
// long as it takes to stop the servers. It learns of their end by its standard
// input, which the kernel closes with the test process: after the last test,
// after a panic, after go test's own time limit, and after SIGKILL alike.
type supervisor struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

// startSupervisor returns once every server of p is ready, or else the reasons
// why some are not, by name.
func startSupervisor(p plan) (*supervisor, map[string]string, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), supervisorEnv+"=1")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // the terminal's ^C is for the tests
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	s := &supervisor{cmd, stdin}
	var failed map[string]string
	if err := json.NewEncoder(stdin).Encode(p); err != nil {
		return nil, nil, errors.Join(err, s.stop())
	}
	if err := json.NewDecoder(stdout).Decode(&failed); err != nil {
		return nil, nil, errors.Join(err, s.stop())
	}
	return s, failed, nil
}

// stop returns when all servers have ended.
func (s *supervisor) stop() error {
	s.stdin.Close()
	late := time.AfterFunc(3*stopLimit, func() { s.cmd.Process.Kill() })
	defer late.Stop()
	return s.cmd.Wait()
}

// supervise is the supervisor's side: it reads a plan, starts what it lists,
// writes the failures and, at the end of in, stops everything.
func supervise(in io.Reader, out io.Writer) error {
	var p plan
	if err := json.NewDecoder(in).Decode(&p); err != nil {
		return err
	}
	defer os.RemoveAll(p.Dir)
	adoptOrphans()

	failed := map[string]string{}
	var started []*process
	for _, c := range p.Commands {
		proc, err := start(c, filepath.Join(p.Dir, c.Name+".log"))
		if err != nil {
			failed[c.Name] = err.Error()
			continue
		}
		started = append(started, proc)
	}
	deadline := time.Now().Add(startLimit)
	for _, proc := range started {
		if err := proc.ready(deadline); err != nil {
			failed[proc.Name] = err.Error()
		}
	}
	err := json.NewEncoder(out).Encode(failed)
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}

	var wait sync.WaitGroup
	for _, proc := range started {
		wait.Go(proc.stop)
	}
	wait.Wait()
	return errors.Join(err, reapOrphans())
}

// A process is a running [command], the leader of a process group.
type process struct {
	command
	cmd   *exec.Cmd
	ended chan struct{} // closed after err is set
	err   error
}

func start(c command, log string) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{command: c, cmd: cmd, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// ready waits until the server accepts connections, by connecting.
func (p *process) ready(deadline time.Time) error {
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for _, port := range p.Ports {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		for {
			conn, err := net.DialTimeout("tcp", address, time.Second)
			if err == nil {
				conn.Close()
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("not ready in %v: %w", startLimit, err)
			}
			select {
			case <-p.ended:
				return fmt.Errorf("ended at once: %v", p.err)
			case <-pause.C:
			}
		}
	}
	return nil
}

// stop ends the server and whatever of its process group is left after it.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopLimit):
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

// adoptOrphans makes this process the parent of the children that servers
// leave behind, where there may be no init to reap them. See prctl(2).
func adoptOrphans() {
	const setChildSubreaper = 36
	syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0)
}

// reapOrphans waits until no child is left. One that does not end is killed and named in the error.
func reapOrphans() error {
	deadline := time.Now().Add(orphanLimit)
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	var left []string
	for {
		switch pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); {
		case err == syscall.ECHILD && left != nil:
			return fmt.Errorf("left behind and killed: %s", strings.Join(left, ", "))
		case err == syscall.ECHILD:
			return nil
		case err == syscall.EINTR || pid > 0:
		case err != nil:
			return err
		case time.Now().After(deadline):
			if left != nil {
				return fmt.Errorf("left behind: %s", strings.Join(left, ", "))
			}
			left = killChildren()
			deadline = time.Now().Add(orphanLimit)
		default:
			<-pause.C
		}
	}
}

// killChildren returns the names of the children that it has killed. See proc_pid_stat(5).
func killChildren() []string {
	names := []string{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return names
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		end := strings.LastIndexByte(string(text), ')') // the name before it may hold anything
		var pid, parent int
		var state string
		if _, err := fmt.Sscan(string(text), &pid); err != nil {
			continue
		}
		if _, err := fmt.Sscan(string(text[end+1:]), &state, &parent); err != nil || parent != os.Getpid() {
			continue
		}
		syscall.Kill(pid, syscall.SIGKILL)
		names = append(names, string(text[:end+1]))
	}
	return names
}
