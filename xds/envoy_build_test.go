package xds_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"gatehouse/xds"
)

// regexRoutes matches paths by a regular expression, which only Envoy parses.
func regexRoutes(name, regex string) *routev3.RouteConfiguration {
	r := says("/", "never")
	r.Match.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: regex}}
	return routes(name, r)
}

// twoHosts has two virtual hosts for the same domains.
func twoHosts(name string) *routev3.RouteConfiguration {
	rc := routes(name, says("/", "never"))
	rc.VirtualHosts = append(rc.VirtualHosts, &routev3.VirtualHost{Name: "again", Domains: []string{"*"}})
	return rc
}

// noEndpoints says nothing of where it leads to.
func noEndpoints(name string) *clusterv3.Cluster {
	c := staticCluster(name, 1)
	c.LoadAssignment = nil
	c.LbPolicy = clusterv3.Cluster_CLUSTER_PROVIDED
	return c
}

// scope2 has another name than its key.
func scope2(name, host, routeConfig string) *routev3.ScopedRouteConfiguration {
	s := scope(host, routeConfig)
	s.Name = name
	return s
}

// serveTLS runs a server that asks for a certificate.
func serveTLS(t *testing.T, ca, cert, key string) (*xds.Server, string) {
	t.Helper()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := xds.New(xds.Options{})
	g := grpc.NewServer(append(xds.ServerOptions(), grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	})))...)
	s.Register(g)
	go func() { _ = g.Serve(lis) }()
	t.Cleanup(func() { s.Close(); g.GracefulStop() })
	return s, lis.Addr().String()
}
