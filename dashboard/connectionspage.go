package dashboard

import "fmt"

// drawConnections makes the charts that WebSocket APIs have in place of those of calls.
func (v *trafficView) drawConnections(points []Point) {
	v.Messages, v.Connects, v.Faults = newBarChart("received", "sent"), newBarChart("received"), newBarChart("client", "integration", "server")
	for i := range points {
		p := &points[i]
		tick, at := v.Span.tick(p.At), v.Span.at(p.At)+" UTC: "
		if !tickFits(i, len(points)) {
			tick = ""
		}
		of := &p.Sockets
		v.Messages.add(p.At, tick, at+fmt.Sprintf("%s received, %s sent", showExact(of.Received), showExact(of.Sent)), of.Received, of.Sent)
		v.Connects.add(p.At, tick, at+fmt.Sprintf("%s wanted to connect", showExact(of.Connects)), of.Connects)
		v.Faults.add(p.At, tick, at+fmt.Sprintf("%s of clients, %s of integrations, %s of execution", showExact(of.ClientErrors), showExact(of.IntegrationErrors), showExact(of.ExecutionErrors)),
			of.ClientErrors, of.IntegrationErrors, of.ExecutionErrors)
	}
	by, sum := stepText(v.Span.Step), &v.Total.Sockets
	v.Messages = v.Messages.done(fmt.Sprintf("Messages by %s: %s received, %s sent", by, showExact(sum.Received), showExact(sum.Sent)))
	v.Connects = v.Connects.done(fmt.Sprintf("Connections by %s: %s in all", by, showExact(sum.Connects)))
	v.Faults = v.Faults.done(fmt.Sprintf("Errors by %s: %s of clients, %s of integrations, %s of execution", by,
		showExact(sum.ClientErrors), showExact(sum.IntegrationErrors), showExact(sum.ExecutionErrors)))
}
