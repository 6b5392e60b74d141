package loading_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"gatehouse/management/loading"
	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

// BenchmarkLoadOneOfMany is what it takes to load what is stored when one API of a thousand
// has been deployed.
func BenchmarkLoadOneOfMany(b *testing.B) {
	s := store.NewMemory()
	deploy := func(i, version int) {
		key := fmt.Sprintf("eu-west-1/restapis/api%07d", i)
		api := restapi.RestAPI{ID: fmt.Sprintf("api%07d", i), Name: "shop", RootResourceID: "root", APIKeySource: "HEADER"}
		content := restapi.Content{API: api}
		for r := range 10 {
			content.Resources = append(content.Resources, restapi.Resource{ID: fmt.Sprint("r", r), Path: fmt.Sprint("/r", r), ResourceMethods: map[string]restapi.Method{
				"GET": {HTTPMethod: "GET", AuthorizationType: "NONE", MethodIntegration: &restapi.Integration{
					Type: "HTTP_PROXY", HTTPMethod: "GET", URI: fmt.Sprintf("http://127.0.0.1:9101/v%d/r%d", version, r),
				}},
			}})
		}
		deployment := fmt.Sprint("d", version)
		err := s.Update(context.Background(), func(tx store.Tx) error {
			for key, document := range map[string]any{
				key: api, key + "/contents/" + deployment: content, key + "/deployments/" + deployment: restapi.Deployment{ID: deployment},
				key + "/stages/prod": restapi.Stage{StageName: "prod", DeploymentID: deployment},
			} {
				text, err := json.Marshal(document)
				if err != nil {
					return err
				}
				tx.Put(key, text)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for i := range 1000 {
		deploy(i, 1)
	}
	l := loading.New(loading.Options{Store: s, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	changed, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() { ended <- l.Follow(ctx, func() { changed <- struct{}{} }) }()
	defer func() { cancel(); <-ended }()
	<-changed
	if result := l.Load(ctx, nil); result.Snapshot == nil {
		b.Fatal(result.Diagnostics)
	}
	for version := 2; b.Loop(); version++ {
		deploy(500, version)
		<-changed
		if result := l.Load(ctx, nil); result.Snapshot == nil || len(result.Snapshot.APIs) != 1000 {
			b.Fatal(result.Diagnostics)
		}
	}
}
