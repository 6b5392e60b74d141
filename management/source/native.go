package source

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/store"
)

// What Gatehouse's own files say, as far as it is needed.
type (
	nativeFile struct {
		APIs []nativeAPI `json:"apis"`
	}
	nativeAPI struct {
		Name                      string            `json:"name"`
		ID                        string            `json:"id"`
		Description               string            `json:"description,omitempty"`
		Protocol                  string            `json:"protocol"`
		Region                    string            `json:"region,omitempty"`
		DisableExecuteAPIEndpoint bool              `json:"disableExecuteApiEndpoint,omitempty"`
		Tags                      map[string]string `json:"tags,omitempty"`
		Stages                    []nativeStage     `json:"stages"`
	}
	nativeStage struct {
		Name        string                 `json:"name"`
		Description string                 `json:"description,omitempty"`
		Certificate string                 `json:"clientCertificate,omitempty"`
		Definition  string                 `json:"definition,omitempty"`
		Variables   map[string]string      `json:"variables,omitempty"`
		Routes      map[string]nativeRoute `json:"routes,omitempty"`
		Canary      *nativeCanary          `json:"canary,omitempty"`
		Cache       *nativeCache           `json:"cache,omitempty"`
		AccessLog   *nativeAccessLog       `json:"accessLog,omitempty"`
		Tracing     *nativeTracing         `json:"tracing,omitempty"`
	}
	nativeTracing struct {
		Sampling float64 `json:"sampling"`
	}
	// The destination is the default, the standard output: who may use the management API
	// may not write files for that.
	nativeAccessLog struct {
		Format string `json:"format"`
	}
	nativeCanary struct {
		Percent    float64           `json:"percent"`
		Definition string            `json:"definition,omitempty"`
		Variables  map[string]string `json:"variables,omitempty"`
		// UseStageCache is of stages that have one.
		UseStageCache bool `json:"useStageCache,omitempty"`
	}
	nativeRoute struct {
		Throttle *nativeThrottle `json:"throttle,omitempty"`
		Cache    *nativeCache    `json:"cache,omitempty"`
		Metrics  string          `json:"metrics,omitempty"`
		// ExecutionLog goes to the standard output, as access logs do.
		ExecutionLog *nativeExecutionLog `json:"executionLog,omitempty"`
	}
	nativeExecutionLog struct {
		Level     string `json:"level"`
		DataTrace bool   `json:"dataTrace,omitempty"`
	}
	nativeCache struct {
		Enabled              *bool  `json:"enabled,omitempty"`
		TTL                  string `json:"ttl,omitempty"`
		RequireAuthorization *bool  `json:"requireAuthorizationForCacheControl,omitempty"`
		Unauthorized         string `json:"unauthorizedCacheControlHeaderStrategy,omitempty"`
	}
	nativeThrottle struct {
		Rate  float64 `json:"rate"`
		Burst int     `json:"burst"`
	}
)

// Amazon's limits of an account, which hold where a stage sets only one of two.
const (
	defaultRate  = 10000
	defaultBurst = 5000
)

// defaultSampling is the share of requests, in percent, that X-Ray's default rule has
// traced. The first one of each second, which that rule takes besides, is not.
const defaultSampling = 5

// throttle gives a throttle, or nothing where neither of two is set. Amazon writes -1 for
// one that is not: Terraform sends it for each that its file leaves out.
func throttle(rate *float64, burst *int) *nativeThrottle {
	t := &nativeThrottle{Rate: defaultRate, Burst: defaultBurst}
	hasRate, hasBurst := rate != nil && *rate >= 0, burst != nil && *burst >= 0
	if !hasRate && !hasBurst {
		return nil
	}
	if hasRate {
		t.Rate = *rate
	}
	if hasBurst {
		t.Burst = *burst
	}
	return t
}

// metrics is whether a route's requests are counted for themselves.
func metrics(detailed bool) string {
	if detailed {
		return "detailed"
	}
	return "standard"
}

// executionLog gives how much is told of a route's requests. What is sent is traced at the
// level INFO only.
func executionLog(level string, dataTrace bool) *nativeExecutionLog {
	if level == "" {
		level = string(gateway.ExecutionOff)
	}
	return &nativeExecutionLog{Level: level, DataTrace: dataTrace && level == string(gateway.ExecutionSteps)}
}

// accessLog gives the log of a stage, or nothing where there is none. A format that cannot
// be written is left out: stages that were stored with one are served all the same.
func accessLog(format string, protocol gateway.Protocol) *nativeAccessLog {
	format = strings.TrimRight(format, "\r\n")
	if _, mistakes := gateway.ParseAccessLogFormat(format, protocol); len(mistakes) > 0 {
		return nil
	}
	return &nativeAccessLog{Format: format}
}

// apiFiles are the files of an API whose documents are rendered already.
func apiFiles(key string, api nativeAPI, documents map[string][]byte) (Files, error) {
	files := newFiles()
	if len(api.Stages) == 0 {
		return files, nil
	}
	api.Region, _, _ = strings.Cut(key, "/")
	data, err := json.Marshal(nativeFile{APIs: []nativeAPI{api}})
	if err != nil {
		return files, err
	}
	main := Prefix + key + "/api.json"
	files.Paths = []string{main}
	files.Content[main] = data
	for _, id := range slices.Sorted(maps.Keys(documents)) {
		files.Content[Prefix+key+"/"+documentName(id)] = documents[id]
	}
	return files, nil
}

// documentName is the name of a deployment's document, beside the API's own file.
func documentName(deployment string) string { return "deployments/" + deployment + ".json" }

// get reads a document; one that cannot be decoded is broken.
func get[T any](reader store.Reader, key string) (T, error) {
	var v T
	data, err := reader.Get(key)
	if err != nil {
		return v, err
	}
	return decode[T](key, data)
}

// list reads all documents that belong to one, in the order of their keys.
func list[T any](reader store.Reader, prefix string) ([]T, error) {
	entries, err := reader.List(prefix)
	if err != nil {
		return nil, err
	}
	var out []T
	for _, e := range entries {
		if strings.Contains(strings.TrimPrefix(e.Key, prefix), "/") {
			continue // what belongs to what is listed
		}
		v, err := decode[T](e.Key, e.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func decode[T any](key string, data []byte) (T, error) {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return v, &brokenError{fmt.Errorf("the document %s cannot be read: %w", key, err)}
	}
	return v, nil
}
