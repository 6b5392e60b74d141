package source_test

import (
	"encoding/json"
	"errors"
	"testing"

	"gatehouse/definition"
	"gatehouse/management/httpapi"
	"gatehouse/management/restapi"
	"gatehouse/management/source"
	"gatehouse/management/store"
)

// FuzzStored holds that whatever is stored of an API is rendered or reported, and that
// what is rendered is loaded or refused: nothing in it ends the process, or reads a file.
func FuzzStored(f *testing.F) {
	add := func(kind string, api, content, stage any) {
		var texts [3][]byte
		for i, v := range []any{api, content, stage} {
			text, err := json.Marshal(v)
			if err != nil {
				f.Fatal(err)
			}
			texts[i] = text
		}
		f.Add(kind == "restapis", texts[0], texts[1], texts[2])
	}
	pets := petsContent("http://127.0.0.1:9101")
	add("restapis", pets.API, pets, petsStage("d1"))
	notes := notesContent("/a")
	rate := 5.0
	add("apis", notes.API, notes, httpapi.Stage{StageName: "$default", DeploymentID: "d1", DefaultRouteSettings: &httpapi.RouteSettings{ThrottlingRateLimit: &rate}})
	chat := notes
	chat.API.ProtocolType, chat.API.RouteSelectionExpression = "WEBSOCKET", "$request.body.action"
	add("apis", chat.API, chat, httpapi.Stage{StageName: "v1", DeploymentID: "d1"})
	schema := pets
	schema.Models = []restapi.Model{{Name: "Pet", Schema: `{"$ref": "/etc/passwd#/x", "properties": {"a": {"$ref": "https://apigateway.amazonaws.com/restapis/x/models/Pet"}}}`}}
	add("restapis", pets.API, schema, petsStage("d1"))

	f.Fuzz(func(t *testing.T, rest bool, api, content, stage []byte) {
		key := "eu-west-1/apis/a1b2c3d4e5"
		if rest {
			key = "eu-west-1/restapis/a1b2c3d4e5"
		}
		s := store.NewMemory()
		err := s.Update(t.Context(), func(tx store.Tx) error {
			tx.Put(key, api)
			tx.Put(key+"/contents/d1", content)
			tx.Put(key+"/contents/d2", content)
			tx.Put(key+"/stages/one", stage)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		files := render(t, source.NewRenderer(), s, nil)
		loader := definition.NewLoader(definition.Options{
			LookupEnv: func(name string) (string, bool) { t.Errorf("asked for $%s", name); return "", false },
			ReadFile: func(name string) ([]byte, error) {
				if data, ok := files.Content[name]; ok {
					return data, nil
				}
				if !source.IsVirtual(name) {
					t.Errorf("read %s", name)
				}
				return nil, errors.New("it does not exist")
			},
			Foreign: source.IsVirtual, MayBeEmpty: true,
		})
		result := loader.Load(t.Context(), files.Paths)
		if result.Snapshot == nil && !result.Diagnostics.HasErrors() {
			t.Error("it is refused without a reason")
		}
	})
}
