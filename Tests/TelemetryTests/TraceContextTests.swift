import Telemetry
import Testing

/// Cases of the recommendation, and of its test suite.
@Suite struct TraceContextTests {
    static let trace = "0af7651916cd43dd8448eb211c80319c"
    static let parent = "b7ad6b7169203331"

    @Test(arguments: [
        "00-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-00", "00-\(trace)-\(parent)-ff",
    ])
    func passesOnWhatIsWellFormed(_ text: String) {
        let context = TraceContext(traceparent: text, tracestate: nil)
        #expect(context?.traceparent == text && context?.traceID == Self.trace && context?.parentID == Self.parent)
    }

    @Test func passesALaterVersionOnAsThisOne() {
        let context = TraceContext(traceparent: "cc-\(Self.trace)-\(Self.parent)-03-what-else", tracestate: nil)
        #expect(context?.traceparent == "00-\(Self.trace)-\(Self.parent)-01")
    }

    @Test(arguments: [
        "", "00-\(trace)-\(parent)", "00-\(trace)-\(parent)-01-more", "ff-\(trace)-\(parent)-01",
        "cc-\(trace)-\(parent)-01x",
        "00-\(String(repeating: "0", count: 32))-\(parent)-01", "00-\(trace)-\(String(repeating: "0", count: 16))-01",
        "00-\(trace.uppercased())-\(parent)-01", "00_\(trace)-\(parent)-01", "0x-\(trace)-\(parent)-01",
        "00-\(trace)-\(parent)-+1",
    ])
    func refusesAnythingElse(_ text: String) { #expect(TraceContext(traceparent: text, tracestate: "a=1") == nil) }

    @Test(arguments: [
        ("a=1,b=2", "a=1,b=2"), ("a=1 , ,\tb=2", "a=1,b=2"), ("tenant@system=x y", "tenant@system=x y"),
        ("a=1,a=2", nil),
        ("A=1", nil), ("a", nil), ("a=", nil), ("a=b=c", nil), ("", nil),
        ((0..<33).map { "k\($0)=v" }.joined(separator: ","), nil),
    ])
    func theStateIsPassedOnOrLeftOut(_ text: String, _ expected: String?) {
        let context = TraceContext(traceparent: "00-\(Self.trace)-\(Self.parent)-01", tracestate: text)
        #expect(context != nil && context?.tracestate == expected)
    }

    @Test func aNewTraceIsWellFormed() {
        let context = TraceContext(isSampled: true)
        #expect(TraceContext(traceparent: context.traceparent, tracestate: nil) == context)
    }
}
