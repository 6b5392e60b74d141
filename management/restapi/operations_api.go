package restapi

import "gatehouse/management/restjson"

// apiOperations are those of APIs and of what belongs to one.
func (s *Service) apiOperations() []restjson.Operation { return nil }
