import Testing
import Threads

@testable import Telemetry

@Suite struct HistogramTests {
    @Test func keepsEveryValueOfManyThreads() {
        let histogram = Histogram(bounds: [1, 2])
        let threads = (0..<8).compactMap { _ in
            DedicatedThread(name: "observer") { for _ in 0..<10_000 { histogram.observe(1.5) } }
        }
        for thread in threads { thread.join() }
        #expect(threads.count == 8)
        #expect(histogram.snapshot.counts == [0, 80_000, 0])
        #expect(histogram.snapshot.sum == 120_000)
    }

    @Test func aBoundBelongsToItsBucket() {
        let histogram = Histogram(bounds: [1, 2])
        for value in [1.0, 2.0, 2.5] { histogram.observe(value) }
        #expect(histogram.snapshot.counts == [1, 1, 1])
    }
}

@Suite struct ExpositionTests {
    @Test(arguments: [
        (nil, Exposition.prometheus), ("*/*", .prometheus), ("text/plain", .prometheus),
        ("application/openmetrics-text", .openMetrics),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
                + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", .openMetrics
        ),
        ("text/plain;version=0.0.4;q=0.9, application/openmetrics-text;q=0.1", .prometheus),
        ("application/openmetrics-text;q=0", .prometheus), ("application/openmetrics-text;version=9", .prometheus),
    ])
    func acceptChooses(_ accept: String?, _ expected: Exposition) { #expect(Exposition(accept: accept) == expected) }

    @Test func openMetricsNamesFamiliesUnitsAndTheEnd() {
        let registry = MetricRegistry()
        registry.counter("sent_bytes_total", "Sent.").add(2)
        registry.histogram("wait_seconds", "Waits.", bounds: [1]).observe(0.5)
        #expect(
            String(decoding: registry.render(.openMetrics), as: UTF8.self) == """
                # HELP sent_bytes Sent.
                # TYPE sent_bytes counter
                # UNIT sent_bytes bytes
                sent_bytes_total 2
                # HELP wait_seconds Waits.
                # TYPE wait_seconds histogram
                # UNIT wait_seconds seconds
                wait_seconds_bucket{le="1.0"} 1
                wait_seconds_bucket{le="+Inf"} 1
                wait_seconds_sum 0.5
                wait_seconds_count 1
                # EOF

                """)
    }
}
