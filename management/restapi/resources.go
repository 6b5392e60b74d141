package restapi

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) resourceOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetResources", Method: http.MethodGet, Path: "/restapis/{restapi_id}/resources", Status: http.StatusOK, Do: s.getResources},
		{Name: "CreateResource", Method: http.MethodPost, Path: "/restapis/{restapi_id}/resources/{parent_id}", Status: http.StatusCreated, Do: s.createResource},
		{Name: "GetResource", Method: http.MethodGet, Path: "/restapis/{restapi_id}/resources/{resource_id}", Status: http.StatusOK, Do: s.getResource},
		{Name: "UpdateResource", Method: http.MethodPatch, Path: "/restapis/{restapi_id}/resources/{resource_id}", Status: http.StatusOK, Do: s.updateResource},
		{Name: "DeleteResource", Method: http.MethodDelete, Path: "/restapis/{restapi_id}/resources/{resource_id}", Status: http.StatusAccepted, Do: s.deleteResource},
	}
}

// maxResources bounds an API, as Amazon's raised quota does; the tree is read whole when
// it changes.
const maxResources = 3000

// resourceOf reads the resource that a call is about, with its key.
func resourceOf(r store.Reader, c *restjson.Call) (key string, resource *Resource, err error) {
	folder, err := apiFolder(r, c)
	if err != nil {
		return "", nil, err
	}
	key = folder + resourcesFolder + c.Params["resource_id"]
	resource, err = readRecord[Resource](r, key, restjson.NotFound("Invalid Resource identifier specified"))
	return key, resource, err
}

// shown is a resource as it is sent: its methods are told in full only when the call
// embeds them.
func shown(r *Resource, c *restjson.Call) *Resource {
	out := *r
	if len(r.ResourceMethods) > 0 && !slices.Contains(c.Query["embed"], "methods") {
		out.ResourceMethods = nil
		return &out
	}
	return &out
}

// listedResource tells of methods that are not embedded that they are there.
type listedResource struct {
	*Resource
	ResourceMethods any `json:"resourceMethods,omitempty"`
}

func listed(r *Resource, c *restjson.Call) listedResource {
	out := listedResource{Resource: shown(r, c)}
	switch {
	case len(r.ResourceMethods) == 0:
	case out.Resource.ResourceMethods != nil:
		out.ResourceMethods = r.ResourceMethods
	default:
		names := map[string]struct{}{}
		for name := range r.ResourceMethods {
			names[name] = struct{}{}
		}
		out.ResourceMethods = names
	}
	return out
}

func (s *Service) getResources(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[listedResource], error) {
		folder, err := apiFolder(r, c)
		if err != nil {
			return page[listedResource]{}, err
		}
		resources, err := store.ReadDocuments[Resource](r, folder+resourcesFolder)
		if err != nil {
			return page[listedResource]{}, err
		}
		slices.SortFunc(resources, func(a, b Resource) int { return strings.Compare(a.Path, b.Path) })
		all := make([]listedResource, 0, len(resources))
		for i := range resources {
			all = append(all, listed(&resources[i], c))
		}
		return pageOf(c, all)
	})
}

func (s *Service) getResource(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (listedResource, error) {
		_, resource, err := resourceOf(r, c)
		if err != nil {
			return listedResource{}, err
		}
		return listed(resource, c), nil
	})
}

func (s *Service) createResource(ctx context.Context, c *restjson.Call) (any, error) {
	var in struct {
		PathPart string `json:"pathPart"`
	}
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Resource, error) {
		folder, err := apiFolder(tx, c)
		if err != nil {
			return nil, err
		}
		tree, err := readTree(tx, folder)
		if err != nil {
			return nil, err
		}
		if len(tree) >= maxResources {
			return nil, limitExceeded("Maximum number of resources for this API has been reached. Please contact AWS if you need additional resources.")
		}
		r := &Resource{ID: restjson.NewID(6), ParentID: c.Params["parent_id"], PathPart: in.PathPart}
		if err := tree.place(r); err != nil {
			return nil, err
		}
		return r, store.WriteDocument(tx, folder+resourcesFolder+r.ID, r)
	})
}

// resourceTree are the resources of an API by their ids.
type resourceTree map[string]*Resource

func readTree(r store.Reader, folder string) (resourceTree, error) {
	resources, err := store.ReadDocuments[Resource](r, folder+resourcesFolder)
	tree := make(resourceTree, len(resources))
	for i := range resources {
		tree[resources[i].ID] = &resources[i]
	}
	return tree, err
}

// pathPartForm is what a segment of a path may be: literal characters, or a variable.
var pathPartForm = regexp.MustCompile(`^(\{[A-Za-z0-9._\-:]+\+?\}|[A-Za-z0-9._\-:,$*+~@!()';=&%]+)$`)

// place checks that a resource may stand where its parent and its part say, and gives it
// its path.
func (t resourceTree) place(r *Resource) error {
	parent, ok := t[r.ParentID]
	switch {
	case !ok:
		return restjson.NotFound("Invalid Resource identifier specified")
	case r.PathPart == "":
		return restjson.BadRequest("Resource's path part must be specified")
	case !pathPartForm.MatchString(r.PathPart):
		return restjson.BadRequest("Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end.")
	case strings.HasSuffix(parent.PathPart, "+}"):
		return restjson.BadRequest("Cannot create a child of a resource with a greedy path variable: %s", parent.PathPart)
	}
	taken := map[string]bool{variable(r.PathPart): isVariable(r.PathPart)}
	for up := parent; up != nil; up = t[up.ParentID] {
		if up.ID == r.ID {
			return restjson.BadRequest("Resources cannot be cyclical.")
		}
		if name := variable(up.PathPart); name != "" {
			if taken[name] {
				return restjson.BadRequest("Resource's path part has a duplicate path variable: %s", r.PathPart)
			}
			taken[name] = true
		}
	}
	// A resource that moves takes what is below it along.
	for _, below := range t.children(r.ID) {
		if strings.HasSuffix(r.PathPart, "+}") {
			return restjson.BadRequest("Cannot create a child of a resource with a greedy path variable: %s", r.PathPart)
		}
		if taken[variable(below.PathPart)] {
			return restjson.BadRequest("Resource's path part has a duplicate path variable: %s", below.PathPart)
		}
	}
	for _, other := range t {
		if other.ID == r.ID || other.ParentID != r.ParentID {
			continue
		}
		if other.PathPart == r.PathPart {
			return restjson.Conflict("Another resource with the same parent already has this name: %s", r.PathPart)
		}
		if isVariable(r.PathPart) && isVariable(other.PathPart) {
			return restjson.BadRequest("A sibling (%s) of this resource already has a variable path part -- only one is allowed", other.PathPart)
		}
	}
	r.Path = strings.TrimSuffix(parent.Path, "/") + "/" + r.PathPart
	return nil
}

// isVariable reports whether a part is a variable of one segment, or of several.
func isVariable(part string) bool { return strings.HasPrefix(part, "{") }

// variable is the name of a variable part, empty for others.
func variable(part string) string {
	if !isVariable(part) {
		return ""
	}
	return strings.TrimSuffix(strings.Trim(part, "{}"), "+")
}

// children are the resources below one, in an order in which parents come first.
func (t resourceTree) children(id string) []*Resource {
	var out []*Resource
	for _, r := range t {
		if r.ParentID == id {
			out = append(out, r)
			out = append(out, t.children(r.ID)...)
		}
	}
	return out
}

var resourcePatches = []patchRule[Resource]{
	{"/parentId", opReplace, patchText(func(r *Resource) *string { return &r.ParentID })},
	{"/pathPart", opReplace, patchText(func(r *Resource) *string { return &r.PathPart })},
}

func (s *Service) updateResource(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (listedResource, error) {
		key, resource, err := resourceOf(tx, c)
		if err != nil {
			return listedResource{}, err
		}
		before := *resource
		if err := applyPatch(resource, operations, pathsListed, resourcePatches); err != nil {
			return listedResource{}, err
		}
		if before.ParentID == "" {
			switch {
			case resource.PathPart != "":
				return listedResource{}, restjson.BadRequest("Root resource cannot update its pathPart.")
			case resource.ParentID != "":
				return listedResource{}, restjson.BadRequest("Root resource cannot update its parentId.")
			}
			return listed(resource, c), nil
		}
		tree, err := readTree(tx, strings.TrimSuffix(key, resourcesFolder+resource.ID))
		if err != nil {
			return listedResource{}, err
		}
		if err := tree.place(resource); err != nil {
			return listedResource{}, err
		}
		// What is below moves along.
		for _, r := range tree.children(resource.ID) {
			r.Path = resource.Path + strings.TrimPrefix(r.Path, before.Path)
			if err := store.WriteDocument(tx, strings.TrimSuffix(key, resource.ID)+r.ID, r); err != nil {
				return listedResource{}, err
			}
		}
		return listed(resource, c), store.WriteDocument(tx, key, resource)
	})
}

func (s *Service) deleteResource(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		key, resource, err := resourceOf(tx, c)
		if err != nil {
			return err
		}
		if resource.ParentID == "" {
			return restjson.BadRequest("Root resource cannot be deleted.")
		}
		folder := strings.TrimSuffix(key, resource.ID)
		tree, err := readTree(tx, strings.TrimSuffix(folder, resourcesFolder))
		if err != nil {
			return err
		}
		for _, r := range tree.children(resource.ID) {
			tx.Delete(folder + r.ID)
		}
		tx.Delete(key)
		return nil
	})
}
