import Testing

@testable import Envelopes

@Suite(.enabled(if: Python.isThere, "python3 is not installed")) struct PythonFloatTests {
    @Test func floatsOfEveryMagnitudePrintAlike() throws {
        var random = SystemRandomNumberGenerator()
        var floats: [Double] = []
        for _ in 0..<20_000 {
            floats.append(Double.random(in: 0..<253_402_300_800, using: &random))
            floats.append(Double.random(in: 8e15..<1.1e17, using: &random))
            let any = Double(bitPattern: random.next())
            if any.isFinite { floats.append(any) }
        }
        for exponent in -330...308 { floats += [Double("1e\(exponent)") ?? 0, Double("-1.7e\(exponent)") ?? 0] }
        let python = try Python()
        try python.put(
            floats.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }, "floats")
        try python.run(PythonScripts.reprs)
        let reprs = String(decoding: try python.get("reprs"), as: UTF8.self).split(separator: "\n")
        try #require(reprs.count == floats.count)
        for (value, text) in zip(floats, reprs) where PythonFloat.repr(value) != text {
            Issue.record("\(PythonFloat.repr(value)) is not \(text)")
        }
    }
}
