package restapi

import "gatehouse/management/restjson"

// accountOperations are those of what APIs share: keys, usage plans, domains and more.
func (s *Service) accountOperations() []restjson.Operation { return nil }
