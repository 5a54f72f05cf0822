import Testing

@testable import Telemetry

@Suite struct ProfilerTests {
    @Test func momentsAreThoseOfAllValuesHoweverTheyAreMerged() {
        let values = [3.0, 1, 4, 1, 5, 9, 2, 6]
        var left = Moments()
        var right = Moments()
        for value in values.prefix(3) { left.add(value) }
        for value in values.dropFirst(3) { right.add(value) }
        left.merge(right)
        left.merge(Moments())
        #expect(left.count == 8 && left.min == 1 && left.max == 9)
        #expect(abs(left.mean - 3.875) < 1e-12)
        #expect(abs(left.deviation - 2.570_87) < 1e-4)
    }

    @Test func anOperationKnowsTimesRatiosAndFailures() {
        let operation = Profiler(MetricRegistry()).operation("pack")
        operation.succeeded(after: .seconds(2), bytesIn: 4 << 20, bytesOut: 1 << 20)
        operation.failed()
        let summary = operation.summary
        #expect(summary.seconds.mean == 2 && summary.throughput.mean == 2 && summary.ratio.mean == 4)
        #expect(summary.failures == 1 && summary.failureRate == 0.5)
    }
}
