package restapi

import (
	"context"
	"net/http"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) validatorOperations() []restjson.Operation {
	const path = "/restapis/{restapi_id}/requestvalidators"
	return []restjson.Operation{
		{Name: "CreateRequestValidator", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createValidator},
		{Name: "GetRequestValidators", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getValidators},
		{Name: "GetRequestValidator", Method: http.MethodGet, Path: path + "/{requestvalidator_id}", Status: http.StatusOK, Do: s.getValidator},
		{Name: "UpdateRequestValidator", Method: http.MethodPatch, Path: path + "/{requestvalidator_id}", Status: http.StatusOK, Do: s.updateValidator},
		{Name: "DeleteRequestValidator", Method: http.MethodDelete, Path: path + "/{requestvalidator_id}", Status: http.StatusAccepted, Do: s.deleteValidator},
	}
}

// maxValidators bounds the validators of an API.
const maxValidators = 1000

func checkValidator(v *RequestValidator) error {
	if v.Name == "" {
		return restjson.BadRequest("Request Validator name cannot be blank")
	}
	return nil
}

func (s *Service) createValidator(ctx context.Context, c *restjson.Call) (any, error) {
	var in RequestValidator
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*RequestValidator, error) {
		folder, err := apiFolder(tx, c)
		if err != nil {
			return nil, err
		}
		if err := checkValidator(&in); err != nil {
			return nil, err
		}
		entries, err := tx.List(folder + validatorsFolder)
		if err != nil {
			return nil, err
		}
		if len(entries) >= maxValidators {
			return nil, limitExceeded("Maximum number of request validators for this API has been reached.")
		}
		v := in
		v.ID = restjson.NewID(6)
		return &v, store.WriteDocument(tx, folder+validatorsFolder+v.ID, v)
	})
}

// validatorOf reads the validator that a call is about, with its key.
func validatorOf(r store.Reader, c *restjson.Call) (key, folder string, v *RequestValidator, err error) {
	folder, err = apiFolder(r, c)
	if err != nil {
		return "", "", nil, err
	}
	key = folder + validatorsFolder + c.Params["requestvalidator_id"]
	v, err = readRecord[RequestValidator](r, key, restjson.NotFound("Invalid Request Validator identifier specified"))
	return key, folder, v, err
}

func (s *Service) getValidators(ctx context.Context, c *restjson.Call) (any, error) {
	return listOf[RequestValidator](ctx, s, c, validatorsFolder)
}

func (s *Service) getValidator(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*RequestValidator, error) {
		_, _, v, err := validatorOf(r, c)
		return v, err
	})
}

var validatorPatches = []patchRule[RequestValidator]{
	{"/name", opReplace, patchText(func(v *RequestValidator) *string { return &v.Name })},
	{"/validateRequestBody", opReplace, patchBool(func(v *RequestValidator) *bool { return &v.ValidateRequestBody })},
	{"/validateRequestParameters", opReplace, patchBool(func(v *RequestValidator) *bool { return &v.ValidateRequestParameters })},
}

func (s *Service) updateValidator(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*RequestValidator, error) {
		key, _, v, err := validatorOf(tx, c)
		if err != nil {
			return nil, err
		}
		if err := applyPatch(v, operations, pathsListed, validatorPatches); err != nil {
			return nil, err
		}
		if err := checkValidator(v); err != nil {
			return nil, err
		}
		return v, store.WriteDocument(tx, key, v)
	})
}

func (s *Service) deleteValidator(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		key, folder, v, err := validatorOf(tx, c)
		if err != nil {
			return err
		}
		where, used, err := methodWhere(tx, folder, func(m *Method) bool { return m.RequestValidatorID == v.ID })
		if err != nil {
			return err
		}
		if used {
			return restjson.Conflict("Cannot delete request validator '%s', is referenced in method: %s", v.Name, where)
		}
		tx.Delete(key)
		return nil
	})
}
