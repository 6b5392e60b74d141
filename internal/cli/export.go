package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/gateway"
	"gatehouse/management/openapi"
)

func newExport() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "export API/STAGE [PATH…]",
		GroupID: groupWork,
		Short:   "Write what a stage serves as an OpenAPI document",
		Long: "Export writes a stage of definitions, or of a running server, as an OpenAPI document\n" +
			"with Amazon's extensions: API Gateway imports it, and so does gatehouse. Without\n" +
			"PATH it reads gatehouse.yaml.",
		Example: "  gatehouse export petstore/v1\n" +
			"  gatehouse export petstore/v2 gatehouse.yaml --extensions none > petstore-v2.yaml\n" +
			"  gatehouse export petstore/v1 --format oas20 -o json\n" +
			"  gatehouse export petstore/v1 --server http://127.0.0.1:8001",
		Args: func(_ *cobra.Command, words []string) error {
			if len(words) == 0 || !strings.Contains(words[0], "/") {
				return usagef("name a stage as API/STAGE, such as petstore/v1")
			}
			return nil
		},
	}
	format := choiceFlag(cmd, "format", "", "version of OpenAPI", "oas30", "oas20")
	output := choiceFlag(cmd, "output", "o", "output format", "yaml", "json")
	var server, extensions string
	cmd.Flags().StringVar(&server, "server", "", "export what this server serves, such as http://127.0.0.1:8001")
	// $GATEHOUSE_SERVER is whom usage asks. It is not a wish to leave files alone here.
	cmd.Flags().Lookup("server").Annotations = map[string][]string{noEnv: nil}
	cmd.Flags().StringVar(&extensions, "extensions", "all", "all, none, or some of integrations, authorizers, apigateway, with commas between")
	cmd.RunE = func(cmd *cobra.Command, words []string) error {
		e := openapi.Export{YAML: output.value == "yaml", Extensions: openapi.AllExtensions}
		if format.value == "oas20" {
			e.Version = openapi.OpenAPI20
		}
		if extensions != "all" {
			var err error
			if e.Extensions, err = openapi.ParseExtensions(extensions); err != nil {
				return usagef("--extensions: %w", err)
			}
		}
		if server != "" && len(words) > 1 {
			return usagef("name files or a server, not both")
		}
		snapshot, err := servedBy(cmd, server, words[1:])
		if err != nil {
			return err
		}
		document, warnings, err := exportStage(snapshot, words[0], e)
		if err != nil {
			return err
		}
		for _, w := range warnings {
			fmt.Fprintf(cmd.ErrOrStderr(), "gatehouse: warning: %s\n", w)
		}
		_, err = cmd.OutOrStdout().Write(document)
		return err
	}
	return cmd
}

// servedBy gives what a server serves, or what files say.
func servedBy(cmd *cobra.Command, server string, paths []string) (*gateway.Snapshot, error) {
	if server != "" {
		return askServed(cmd.Context(), server)
	}
	paths, err := pathsOrDefault(paths)
	if err != nil {
		return nil, err
	}
	return loadFiles(cmd, paths)
}

// exportStage writes a stage, which is named API/STAGE by the API's name or id.
func exportStage(s *gateway.Snapshot, name string, e openapi.Export) (document []byte, warnings []string, err error) {
	apiName, stageName, _ := strings.Cut(name, "/")
	i := slices.IndexFunc(s.APIs, func(a gateway.API) bool { return a.ID == apiName })
	if i < 0 {
		i = slices.IndexFunc(s.APIs, func(a gateway.API) bool { return a.Name == apiName })
	}
	var known []string
	for _, a := range s.APIs {
		for _, stage := range a.Stages {
			known = append(known, a.Name+"/"+stage.Name)
		}
	}
	if i < 0 || s.APIs[i].Stage(stageName) == nil {
		slices.Sort(known)
		return nil, nil, fmt.Errorf("there is no stage %s; there are %s", name, cmp.Or(strings.Join(known, ", "), "none"))
	}
	api := &s.APIs[i]
	stage := api.Stage(stageName)
	e.Host, e.Stage = api.ID+".execute-api."+suffixOf(s, api), stage.Name
	d := *stage.Deployment
	d.DisableExecuteAPIEndpoint = d.DisableExecuteAPIEndpoint || api.DisableExecuteAPIEndpoint
	d.Title = cmp.Or(d.Title, api.Name)
	switch api.Protocol {
	case gateway.WebSocket:
		return nil, nil, fmt.Errorf("%s is a WebSocket API, which OpenAPI cannot describe", api.Name)
	case gateway.HTTP:
		if e.Version == openapi.OpenAPI20 {
			return nil, nil, fmt.Errorf("%s is an HTTP API, of which there are OpenAPI 3.0 documents only: leave --format out", api.Name)
		}
		document, err = openapi.ExportHTTP(openapi.HTTPContent(&d, api.ID), e)
		return document, nil, err
	}
	content, warnings, err := openapi.RESTContent(&d, api.ID)
	if err != nil {
		return nil, nil, err
	}
	document, err = openapi.ExportREST(content, e)
	return document, warnings, err
}

// suffixOf ends the host names of an API where it is served first.
func suffixOf(s *gateway.Snapshot, api *gateway.API) string {
	for _, g := range s.Gateways {
		if len(api.Gateways) == 0 || slices.Contains(api.Gateways, g.Name) {
			return cmp.Or(g.Suffix, "localhost")
		}
	}
	return "localhost"
}
