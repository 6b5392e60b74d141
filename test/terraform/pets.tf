# Nearly every kind of resource that REST APIs have, in the language of Terraform 0.11. The
# colour and the rate are changed by the test, which wants to see what that changes.

variable "endpoint" {}

variable "colour" { default = "red" }

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "anyone"
  secret_key                  = "anything"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  endpoints { apigateway = "${var.endpoint}" }
}

variable "rate" { default = 10 }

resource "aws_api_gateway_rest_api" "pets" {
  name = "pets"
  description = "a shop in ${var.colour}"
  binary_media_types = ["image/png"]
  minimum_compression_size = 100
  endpoint_configuration { types = ["REGIONAL"] }
  policy = <<P
{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"*"}]}
P
}

resource "aws_api_gateway_resource" "pets" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  parent_id = "${aws_api_gateway_rest_api.pets.root_resource_id}"
  path_part = "pets"
}

resource "aws_api_gateway_resource" "pet" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  parent_id = "${aws_api_gateway_resource.pets.id}"
  path_part = "{id}"
}

resource "aws_api_gateway_model" "pet" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  name = "Pet"
  content_type = "application/json"
  schema = "{\"type\":\"object\",\"properties\":{\"${var.colour}\":{\"type\":\"string\"}}}"
}

resource "aws_api_gateway_request_validator" "all" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  name = "all"
  validate_request_body = true
  validate_request_parameters = true
}

resource "aws_api_gateway_authorizer" "token" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  name = "token"
  authorizer_uri = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:auth/invocations"
  identity_source = "method.request.header.X-Token"
  identity_validation_expression = "^a.*"
  authorizer_result_ttl_in_seconds = 60
}

resource "aws_api_gateway_authorizer" "pool" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  name = "pool"
  type = "COGNITO_USER_POOLS"
  provider_arns = ["arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_abc"]
}

resource "aws_api_gateway_method" "get" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  resource_id = "${aws_api_gateway_resource.pet.id}"
  http_method = "GET"
  authorization = "NONE"
  api_key_required = true
  request_validator_id = "${aws_api_gateway_request_validator.all.id}"
  request_models = { "application/json" = "${aws_api_gateway_model.pet.name}" }
  request_parameters = { "method.request.path.id" = true, "method.request.header.X-Colour" = false }
}

resource "aws_api_gateway_integration" "get" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  resource_id = "${aws_api_gateway_resource.pet.id}"
  http_method = "${aws_api_gateway_method.get.http_method}"
  type = "HTTP"
  uri = "http://127.0.0.1:9/{id}"
  integration_http_method = "GET"
  timeout_milliseconds = 5000
  cache_key_parameters = ["method.request.path.id"]
  request_parameters = { "integration.request.path.id" = "method.request.path.id", "integration.request.header.X-C" = "'${var.colour}'" }
  request_templates = { "application/json" = "{\"c\": \"${var.colour}\"}" }
}

resource "aws_api_gateway_method_response" "get" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  resource_id = "${aws_api_gateway_resource.pet.id}"
  http_method = "${aws_api_gateway_method.get.http_method}"
  status_code = "200"
  response_models = { "application/json" = "Empty" }
  response_parameters = { "method.response.header.X-Kind" = true }
}

resource "aws_api_gateway_integration_response" "get" {
  depends_on = ["aws_api_gateway_integration.get"]
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  resource_id = "${aws_api_gateway_resource.pet.id}"
  http_method = "${aws_api_gateway_method.get.http_method}"
  status_code = "${aws_api_gateway_method_response.get.status_code}"
  response_parameters = { "method.response.header.X-Kind" = "'${var.colour}'" }
  response_templates = { "application/json" = "" }
}

resource "aws_api_gateway_method" "mock" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  resource_id = "${aws_api_gateway_resource.pets.id}"
  http_method = "ANY"
  authorization = "CUSTOM"
  authorizer_id = "${aws_api_gateway_authorizer.token.id}"
}

resource "aws_api_gateway_integration" "mock" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  resource_id = "${aws_api_gateway_resource.pets.id}"
  http_method = "${aws_api_gateway_method.mock.http_method}"
  type = "MOCK"
  request_templates = { "application/json" = "{\"statusCode\": 200}" }
}

resource "aws_api_gateway_deployment" "first" {
  depends_on = ["aws_api_gateway_integration.get", "aws_api_gateway_integration.mock", "aws_api_gateway_integration_response.get"]
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  description = "deployed in ${var.colour}"
  stage_name = ""
  lifecycle { create_before_destroy = true }
}

resource "aws_api_gateway_client_certificate" "c" { description = "shown to backends, ${var.colour}" }

resource "aws_api_gateway_stage" "prod" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  deployment_id = "${aws_api_gateway_deployment.first.id}"
  stage_name = "prod"
  description = "in ${var.colour}"
  client_certificate_id = "${aws_api_gateway_client_certificate.c.id}"
  xray_tracing_enabled = true
  variables = { colour = "${var.colour}", host = "a.example.com" }
  access_log_settings { destination_arn = "arn:aws:logs:eu-west-1:000000000000:log-group:pets", format = "$context.requestId ${var.colour}" }
  tags = { team = "${var.colour}" }
}

resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  stage_name = "${aws_api_gateway_stage.prod.stage_name}"
  method_path = "*/*"
  settings { metrics_enabled = true, logging_level = "INFO", throttling_rate_limit = "${var.rate}", throttling_burst_limit = 20 }
}

resource "aws_api_gateway_method_settings" "pet" {
  depends_on = ["aws_api_gateway_method_settings.all"]
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  stage_name = "${aws_api_gateway_stage.prod.stage_name}"
  method_path = "pets/{id}/GET"
  settings { throttling_rate_limit = 5, throttling_burst_limit = 5, cache_ttl_in_seconds = 60, caching_enabled = true }
}

resource "aws_api_gateway_gateway_response" "throttled" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  response_type = "THROTTLED"
  status_code = "429"
  response_templates = { "application/json" = "{\"slow\": \"${var.colour}\"}" }
  response_parameters = { "gatewayresponse.header.X-Slow" = "'${var.colour}'" }
}

resource "aws_api_gateway_usage_plan" "gold" {
  name = "gold"
  description = "in ${var.colour}"
  product_code = "code"
  api_stages { api_id = "${aws_api_gateway_rest_api.pets.id}", stage = "${aws_api_gateway_stage.prod.stage_name}" }
  quota_settings { limit = "${var.rate}", offset = 2, period = "WEEK" }
  throttle_settings { burst_limit = 5, rate_limit = "${var.rate}" }
}

resource "aws_api_gateway_api_key" "k" { name = "k", description = "in ${var.colour}" }

resource "aws_api_gateway_usage_plan_key" "k" {
  key_id = "${aws_api_gateway_api_key.k.id}"
  key_type = "API_KEY"
  usage_plan_id = "${aws_api_gateway_usage_plan.gold.id}"
}

resource "aws_api_gateway_domain_name" "d" {
  domain_name = "pets.example.com"
  regional_certificate_arn = "arn:aws:acm:eu-west-1:000000000000:certificate/1"
  endpoint_configuration { types = ["REGIONAL"] }
}

resource "aws_api_gateway_base_path_mapping" "m" {
  api_id = "${aws_api_gateway_rest_api.pets.id}"
  stage_name = "${aws_api_gateway_stage.prod.stage_name}"
  domain_name = "${aws_api_gateway_domain_name.d.domain_name}"
  base_path = "v1"
}

resource "aws_api_gateway_vpc_link" "v" { name = "in-${var.colour}", target_arns = ["arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/net/x/1"] }

resource "aws_api_gateway_account" "a" { cloudwatch_role_arn = "arn:aws:iam::000000000000:role/logs" }

resource "aws_api_gateway_documentation_part" "d" {
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  location { type = "METHOD", method = "GET", path = "/pets/{id}" }
  properties = "{\"description\":\"${var.colour}\"}"
}

resource "aws_api_gateway_documentation_version" "v" {
  depends_on = ["aws_api_gateway_documentation_part.d"]
  rest_api_id = "${aws_api_gateway_rest_api.pets.id}"
  version = "1"
  description = "in ${var.colour}"
}

resource "aws_api_gateway_rest_api" "body" {
  name = "body"
  body = <<B
{"openapi":"3.0.1","info":{"title":"body","version":"1"},"paths":{"/a":{"get":{"responses":{"200":{"description":"ok"}},"x-amazon-apigateway-integration":{"type":"mock","requestTemplates":{"application/json":"{\"statusCode\": 200}"},"responses":{"default":{"statusCode":"200","responseTemplates":{"application/json":"${var.colour}"}}}}}}}}
B
}

resource "aws_api_gateway_deployment" "body" {
  rest_api_id = "${aws_api_gateway_rest_api.body.id}"
  stage_name = "live"
  variables = { colour = "${var.colour}" }
}

output "pets" { value = "${aws_api_gateway_rest_api.pets.id}" }

output "body" { value = "${aws_api_gateway_rest_api.body.id}" }

output "key" {
  value = "${aws_api_gateway_api_key.k.value}"
  sensitive = true
}
