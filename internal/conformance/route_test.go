package conformance

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-requests/requests"
)

// corpusRetry has the members of urllib3's Retry (FORMAT.md, section 7).
type corpusRetry struct {
	Total                   json.RawMessage `json:"total"`
	Connect                 json.RawMessage `json:"connect"`
	Read                    json.RawMessage `json:"read"`
	Redirect                json.RawMessage `json:"redirect"` // without effect in Requests
	Status                  json.RawMessage `json:"status"`
	StatusForcelist         []int           `json:"status_forcelist"`
	AllowedMethods          json.RawMessage `json:"allowed_methods"`
	BackoffFactor           float64         `json:"backoff_factor"`
	BackoffMax              *float64        `json:"backoff_max"`
	RaiseOnStatus           *bool           `json:"raise_on_status"`
	RespectRetryAfterHeader *bool           `json:"respect_retry_after_header"`
	RetryAfterMax           *float64        `json:"retry_after_max"`
}

// setRetries configures a with a number, or with the members of urllib3's Retry.
func setRetries(a *requests.HTTPAdapter, retries json.RawMessage) error {
	var n int
	if json.Unmarshal(retries, &n) == nil {
		a.Retry = requests.Retry{Total: n, MaxRetryAfter: 6 * time.Hour}
		return nil
	}
	var spec corpusRetry
	if err := decodeStrict(retries, &spec); err != nil {
		return err
	}
	if spec.Total == nil {
		spec.Total = json.RawMessage("10")
	}
	r := requests.Retry{
		Total: limitOf(spec.Total), Connect: limitOf(spec.Connect), Read: limitOf(spec.Read), Status: limitOf(spec.Status),
		StatusCodes: spec.StatusForcelist, Backoff: seconds(spec.BackoffFactor), MaxRetryAfter: 6 * time.Hour,
	}
	if spec.BackoffMax != nil {
		r.BackoffMax = seconds(*spec.BackoffMax)
	}
	if spec.RetryAfterMax != nil {
		r.MaxRetryAfter = seconds(*spec.RetryAfterMax)
	}
	r.ReturnLast = spec.RaiseOnStatus != nil && !*spec.RaiseOnStatus
	r.IgnoreRetryAfter = spec.RespectRetryAfterHeader != nil && !*spec.RespectRetryAfterHeader
	if spec.AllowedMethods != nil {
		if err := json.Unmarshal(spec.AllowedMethods, &r.Methods); err != nil || len(r.Methods) == 0 { // null, false, []
			r.Methods = []string{"*"}
		}
	}
	a.Retry = r
	return nil
}

// limitOf translates a counter of urllib3 for [Retry]: null is no limit of its own, 0
// and false allow no retry.
func limitOf(v json.RawMessage) int {
	if v == nil || string(v) == "null" {
		return 0
	}
	var n int
	if json.Unmarshal(v, &n) != nil || n == 0 {
		return -1
	}
	return n
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// proxiesOption makes the option [Proxies]; null stands for no proxy.
func proxiesOption(m map[string]*string) requests.Proxies {
	p := make(requests.Proxies, len(m))
	for key, value := range m {
		p[key] = orEmpty(value)
	}
	return p
}

// proxyOf returns the proxy for a request through s, as the case gives it. It asks an
// adapter that sends nothing.
func proxyOf(ctx context.Context, s *requests.Session, url string, proxies map[string]*string, prepared bool) (string, error) {
	scheme, _, _ := strings.Cut(url, "://")
	var told proxyNote
	s.Mount(scheme+"://", &told)
	option := proxiesOption(proxies)
	var err error
	if prepared {
		var q *requests.PreparedRequest
		if q, err = s.Prepare(ctx, requests.NewRequest(http.MethodGet, url)); err == nil {
			_, err = s.Send(ctx, q, option)
		}
	} else {
		_, err = s.Get(ctx, url, option)
	}
	if err != nil || told.proxy == nil {
		return "", err
	}
	given := slices.Concat(slices.Collect(maps.Values(option)), slices.Collect(maps.Values(s.Proxies)))
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasSuffix(strings.ToLower(name), "_proxy") {
			given = append(given, value)
		}
	}
	proxy := told.proxy.String()
	for _, text := range given {
		if text == proxy || "http://"+text == proxy {
			return text, nil
		}
	}
	return proxy, nil
}

// A proxyNote is an adapter that records the proxy of a request and answers it.
type proxyNote struct{ proxy *url.URL }

func (n *proxyNote) Send(_ context.Context, _ *requests.PreparedRequest, opts requests.SendOptions) (*requests.Response, error) {
	n.proxy = opts.Proxy
	return requests.NewResponse(http.StatusOK, nil, nil), nil
}
