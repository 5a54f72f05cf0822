import Telemetry
import Testing

@Suite struct MetricTests {
    @Test func rendersAsPrometheusText() {
        let registry = MetricRegistry()
        let counter = registry.counter("things_total", "Things.", [("kind", "a\"b\\\n")])
        counter.add()
        counter.add(2)
        registry.gauge("depth_bytes", "Depth.") { 1.5 }
        let histogram = registry.histogram("wait_seconds", "Waits.", bounds: [0.1, 1])
        histogram.observe(0.05)
        histogram.observe(.milliseconds(500))
        histogram.observe(7)
        #expect(
            String(decoding: registry.render(), as: UTF8.self) == """
                # HELP things_total Things.
                # TYPE things_total counter
                things_total{kind="a\\"b\\\\\\n"} 3
                # HELP depth_bytes Depth.
                # TYPE depth_bytes gauge
                depth_bytes 1.5
                # HELP wait_seconds Waits.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{le="0.1"} 1
                wait_seconds_bucket{le="1"} 2
                wait_seconds_bucket{le="+Inf"} 3
                wait_seconds_sum 7.55
                wait_seconds_count 3

                """)
    }
}
