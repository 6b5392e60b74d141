package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/definition/openapi"
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

func newImport() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "import FILE…",
		GroupID: groupWork,
		Short:   "Make a folder of definitions of exports from AWS",
		Long: "Import takes OpenAPI documents, such as API Gateway exports them, and writes a folder\n" +
			"with them and a gatehouse.yaml that serves them: an API for each, or, where several are\n" +
			"of one API, a stage. Then it says, as validate does, what the folder still lacks, such\n" +
			"as stage variables, which no export has.",
		Example: "  gatehouse import petstore.openapi.yaml --into imported --variable backend=127.0.0.1:9101\n" +
			"  gatehouse import pets-http.openapi.yaml --into http --protocol HTTP --stage live --variable backend=127.0.0.1:9101",
		Args: func(_ *cobra.Command, files []string) error {
			if len(files) == 0 {
				return usagef("name the documents to import")
			}
			return nil
		},
	}
	im := importing{}
	flags := cmd.Flags()
	flags.StringVar(&im.into, "into", "", "folder to write; it is made if need be")
	flags.StringVar(&im.name, "name", "", "name of the API (default the document's title)")
	flags.StringVar(&im.stage, "stage", "", "name of the stage (default that of the document's server)")
	protocol := choiceFlag(cmd, "protocol", "", "kind of the API", "auto", "REST", "HTTP")
	variables := flags.StringArray("variable", nil, "stage variable NAME=VALUE of every stage; may be repeated")
	flags.BoolVar(&im.force, "force", false, "replace files that exist")
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		if im.into == "" {
			return usagef("--into names the folder to write")
		}
		if len(files) > 1 && im.stage != "" && im.name != "" {
			return usagef("--name and --stage together are for one document")
		}
		im.protocol, im.variables = protocol.value, map[string]string{}
		for _, v := range *variables {
			name, value, ok := strings.Cut(v, "=")
			if !ok || name == "" {
				return usagef("--variable is NAME=VALUE, not %q", v)
			}
			im.variables[name] = value
		}
		return im.run(cmd, files)
	}
	return cmd
}

// importing is an import under way.
type importing struct {
	into, name, stage, protocol string
	variables                   map[string]string
	force                       bool

	apis []*importedAPI
	// documents are the files to write beside gatehouse.yaml.
	documents map[string][]byte
}

type importedFile struct {
	APIs []*importedAPI `json:"apis"`
}

type importedAPI struct {
	Name     string          `json:"name"`
	ID       string          `json:"id,omitempty"`
	Protocol string          `json:"protocol"`
	Stages   []importedStage `json:"stages"`
}

type importedStage struct {
	Name       string            `json:"name"`
	Definition string            `json:"definition"`
	Variables  map[string]string `json:"variables,omitempty"`
}

func (im *importing) addAll(cmd *cobra.Command, files []string) error {
	reading := startProgress(cmd, "reading documents")
	defer reading.end()
	for i, file := range files {
		if cmd.Context().Err() != nil {
			return errInterrupted
		}
		reading.step(i, len(files))
		if err := im.add(cmd, file); err != nil {
			return err
		}
	}
	return nil
}

func (im *importing) run(cmd *cobra.Command, files []string) error {
	im.documents = map[string][]byte{}
	if err := im.addAll(cmd, files); err != nil {
		return err
	}
	written, err := im.write()
	for _, name := range written {
		fmt.Fprintln(cmd.OutOrStdout(), name)
	}
	if err != nil {
		return err
	}
	loaded, err := loadOnce(cmd, []string{im.into})
	if err != nil {
		return err
	}
	ds := loaded.Diagnostics
	if loaded.Snapshot != nil {
		more, err := checkWithProgress(cmd, loaded.Snapshot, envoyFlag{})
		if err != nil {
			return err
		}
		ds = append(ds, more...)
	}
	ds.Sort()
	if err := printDiagnostics(cmd.ErrOrStderr(), ds); err != nil {
		return err
	}
	if ds.HasErrors() {
		return errReported
	}
	return nil
}

// add takes a document in.
func (im *importing) add(cmd *cobra.Command, file string) error {
	data, err := readInput(cmd, file)
	if err != nil {
		return err
	}
	var ds gateway.Diagnostics
	doc, ok := source.Parse(file, data, source.Environment{}, &ds)
	if !ok {
		if err := printDiagnostics(cmd.ErrOrStderr(), ds); err != nil {
			return err
		}
		return errReported
	}
	root := doc.Root()
	if !root.IsObject() || !root.Object().Has("openapi") && !root.Object().Has("swagger") {
		return fmt.Errorf("%s is not an OpenAPI document", file)
	}
	about := readOrigin(root.Object())
	name := cmp.Or(im.name, about.title, strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
	stage := cmp.Or(im.stage, about.stage)
	kind := im.protocol
	if kind == "auto" {
		kind = about.protocol
	}
	if stage == "" {
		stage = map[string]string{"HTTP": gateway.DefaultStage, "REST": "default"}[kind]
	}
	api := im.api(name, about.id, kind)
	if slices.ContainsFunc(api.Stages, func(s importedStage) bool { return s.Name == stage }) {
		return fmt.Errorf("%s is a second document of %s/%s: import them into folders of their own, or call one otherwise with --name or --stage", file, api.Name, stage)
	}
	definition := fileName(api.Name+"-"+stage) + ".openapi" + extensionOf(file, data)
	im.documents[definition] = data
	api.Stages = append(api.Stages, importedStage{stage, definition, im.variables})
	return nil
}

// api gives the API that a document is of: the one with the same id, if documents have
// ids, else with the same name.
func (im *importing) api(name, id, protocol string) *importedAPI {
	for _, a := range im.apis {
		if a.Protocol == protocol && a.ID == id && (id != "" || a.Name == fileName(name)) {
			return a
		}
	}
	a := &importedAPI{Name: fileName(name), ID: id, Protocol: protocol}
	for n := 2; slices.ContainsFunc(im.apis, func(other *importedAPI) bool { return other.Name == a.Name }); n++ {
		a.Name = fmt.Sprintf("%s-%d", fileName(name), n)
	}
	im.apis = append(im.apis, a)
	return a
}

var notInFileName = regexp.MustCompile(`[^a-z0-9]+`)

// maxFileName is how long a label of a host name may be, which names are, too.
const maxFileName = 63

// fileName makes a name that can be a file's and a host's.
func fileName(text string) string {
	name := strings.Trim(notInFileName.ReplaceAllString(strings.ToLower(text), "-"), "-")
	return cmp.Or(strings.Trim(name[:min(len(name), maxFileName)], "-"), "api")
}

func extensionOf(file string, data []byte) string {
	ext := strings.ToLower(filepath.Ext(file))
	if ext == ".json" || ext == ".yaml" || ext == ".yml" {
		return ext
	}
	if strings.HasPrefix(strings.TrimSpace(string(data)), "{") {
		return ".json"
	}
	return ".yaml"
}

// origin is what an export says of where it comes from.
type origin struct{ title, id, stage, protocol string }

// apiHost is how APIs are called at Amazon, and here.
var apiHost = regexp.MustCompile(`^([a-z0-9][a-z0-9-]*)\.execute-api\.`)

func readOrigin(root *source.Object) origin {
	o := origin{title: root.Get("info").Object().Get("title").Raw(), protocol: string(openapi.ProtocolOf(root))}
	host, path := root.Get("host").Raw(), root.Get("basePath").Raw()
	if servers := root.Get("servers"); servers.IsList() && len(servers.List()) > 0 {
		server := servers.List()[0].Object()
		address := server.Get("url").Raw()
		variables := server.Get("variables").Object()
		for _, e := range variables.Entries() {
			address = strings.ReplaceAll(address, "{"+e.Key+"}", strings.TrimPrefix(e.Object().Get("default").Raw(), "/"))
		}
		_, rest, _ := strings.Cut(address, "://")
		host, path, _ = strings.Cut(rest, "/")
	}
	if m := apiHost.FindStringSubmatch(host); m != nil {
		o.id, o.stage = m[1], strings.Trim(path, "/")
	}
	return o
}

// readInput reads a file, or standard input.
func readInput(cmd *cobra.Command, file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(io.LimitReader(cmd.InOrStdin(), source.MaxBytes+1))
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, source.MaxBytes+1))
}

// write writes the folder, gatehouse.yaml last: until it is there, nothing is served of
// the rest. Files that exist are not replaced without being told to.
func (im *importing) write() (written []string, err error) {
	names := make([]string, 0, len(im.documents))
	for name := range im.documents {
		names = append(names, name)
	}
	slices.Sort(names)
	names = append(names, defaultPath)
	if !im.force {
		for _, name := range names {
			if _, err := os.Lstat(filepath.Join(im.into, name)); err == nil || !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("%s exists: choose another folder, or add --force", filepath.Join(im.into, name))
			}
		}
	}
	var main strings.Builder
	if err := writeYAML(&main, importedFile{im.apis}); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(im.into, 0o755); err != nil {
		return nil, err
	}
	for _, name := range names {
		content := im.documents[name]
		if name == defaultPath {
			content = []byte(main.String())
		}
		path := filepath.Join(im.into, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return written, err
		}
		written = append(written, path)
	}
	return written, nil
}
