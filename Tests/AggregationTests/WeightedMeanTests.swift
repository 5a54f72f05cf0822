import Testing
import Weights

@testable import Aggregation

@Suite struct WeightedMeanTests {
    private func mean<T>(_ dtype: DType, _ inputs: [([T], Int)], _: T.Type = T.self) -> [T] {
        let mean = WeightedMean(dtype)
        let count = inputs[0].0.count
        mean.reset()
        for (values, samples) in inputs {
            // Aligned as the spool's buffer is.
            let buffer = UnsafeMutableBufferPointer<T>.allocate(capacity: count)
            defer { buffer.deallocate() }
            _ = buffer.initialize(from: values)
            mean.add(UnsafeRawBufferPointer(buffer), samples: Int64(samples))
        }
        let output = UnsafeMutableBufferPointer<T>.allocate(capacity: count)
        defer { output.deallocate() }
        mean.finish(into: UnsafeMutableRawBufferPointer(output))
        return Array(output)
    }

    @Test func floatsAreSummedInFloat64AndCastBack() {
        let one: [Float] = [1, 0.1, -3, 1e30, 16_777_216]
        let other: [Float] = [2, 0.3, -3, 1e30, 16_777_218]
        let expected = zip(one, other).map { Float((3 * Double($0) + 5 * Double($1)) / 8) }
        #expect(mean(.float32, [(one, 3), (other, 5)]) == expected)
    }

    @Test func signsOfZeroAndNaNsArePassedOn() {
        let result = mean(.float64, [([-0.0, .nan, .infinity], 1), ([-0.0, 1, -.infinity], 1)])
        #expect(result[0].sign == .minus && result[0] == 0)
        #expect(result[1].isNaN && result[2].isNaN)
    }

    @Test func integersRoundHalfToEvenAndSaturate() {
        #expect(mean(.int32, [([1, 3, -1, 5] as [Int32], 1), ([2, 4, -2, 5], 1)]) == [2, 4, -2, 5])
        #expect(mean(.uint8, [([255, 0, 1] as [UInt8], 1), ([255, 255, 2], 3)]) == [255, 191, 2])
        #expect(mean(.int64, [([Int64.max, 0], 1), ([Int64.max - 1, 1], 1)]) == [Int64.max, 0])
    }

    /// A float64 mean alone would not give these back.
    @Test func equalIntegersComeBackExactly() {
        let values: [Int64] = [.max, .min, (1 << 53) + 1, -7]
        #expect(mean(.int64, [(values, 3), (values, 11)]) == values)
        let unsigned: [UInt64] = [.max, (1 << 60) + 1]
        #expect(mean(.uint64, [(unsigned, 2), (unsigned, 5)]) == unsigned)
    }

    @Test func boolsAreTheMajority() {
        #expect(mean(.bool, [([1, 0, 1, 0] as [UInt8], 1), ([1, 1, 0, 0], 1)]) == [1, 1, 1, 0])
        #expect(mean(.bool, [([1, 0] as [UInt8], 1), ([0, 1], 2)]) == [0, 1])
    }

    @Test func narrowFloatsRoundToTheNearest() {
        #expect(mean(.float16, [([1, 2] as [Float16], 1), ([1.001, 4], 1)]) == [1.0, 3])
        #expect(
            mean(.bfloat16, [([BFloat16(1).bits, BFloat16(3).bits], 1), ([BFloat16(2).bits, BFloat16(3).bits], 1)])
                == [BFloat16(1.5).bits, BFloat16(3).bits])
        #expect(mean(.float8e5m2, [([0x3c, 0x7b] as [UInt8], 1), ([0x40, 0x7b], 1)]) == [0x3e, 0x7b])
    }
}

@Suite struct NarrowFloatTests {
    /// Every pattern of the 8-bit formats comes back from its value; NaNs stay NaNs.
    @Test(arguments: [Float8Format.e4m3fn, .e5m2])
    func everyPatternRoundTrips(_ format: Float8Format) {
        for pattern in UInt8.min...UInt8.max {
            let value = format.values[Int(pattern)]
            if value.isNaN {
                #expect(format.values[Int(format.encode(value))].isNaN)
            } else {
                #expect(format.encode(value) == pattern)
            }
        }
    }

    @Test func overflowIsAsTheFormatsHaveIt() {
        #expect(Float8Format.e4m3fn.encode(464) == 0x7e)
        #expect(Float8Format.e4m3fn.encode(465) == 0x7f)
        #expect(Float8Format.e5m2.encode(61440) == 0x7c)
        #expect(Float8Format.e5m2.encode(-61439) == 0xfb)
        #expect(BFloat16(.infinity).value == .infinity)
        #expect(BFloat16(Float.greatestFiniteMagnitude).value == .infinity)
        #expect(BFloat16(.nan).value.isNaN)
    }
}

@Suite struct ArrayMatchTests {
    private func specs(_ arrays: (String?, DType, [UInt64])...) -> [ArraySpec] {
        arrays.compactMap { ArraySpec(name: $0.0, dtype: $0.1, shape: $0.2) }
    }

    @Test func namedArraysAreMatchedByName() throws {
        let first = specs(("a", .float32, [2]), ("b", .int8, [3]))
        #expect(try ArrayMatch.partners(of: specs(("b", .int8, [3]), ("a", .float32, [2])), in: first) == [1, 0])
        #expect(try ArrayMatch.partners(of: specs((nil, .float32, [2]), (nil, .int8, [3])), in: first) == [0, 1])
    }

    @Test func whatDiffersIsSaid() {
        let first = specs(("a", .float32, [2]), (nil, .int8, [3]))
        let cases: [([ArraySpec], String)] = [
            (specs(("a", .float32, [2])), "1 arrays"), (specs(("b", .float32, [2]), (nil, .int8, [3])), "called \"a\""),
            (specs(("a", .float64, [2]), (nil, .int8, [3])), "float64"),
            (specs(("a", .float32, [2]), (nil, .int8, [4])), "[4]"),
        ]
        let shape = #expect(throws: ArrayMatch.Mismatch.self) {
            try ArrayMatch.partners(of: specs(("a", .float32, [3]), (nil, .int8, [3])), in: first)
        }
        #expect(shape?.array == 0 && shape?.name == "a")
        let named = specs(("a", .float32, [2]), ("b", .int8, [3]))
        let other = specs(("a", .float32, [2]), ("c", .int8, [3]))
        let missing = #expect(throws: ArrayMatch.Mismatch.self) { try ArrayMatch.partners(of: other, in: named) }
        #expect(missing?.array == nil && missing?.name == "b")
        for (arrays, hint) in cases {
            let mismatch = #expect(throws: ArrayMatch.Mismatch.self) { try ArrayMatch.partners(of: arrays, in: first) }
            #expect(mismatch?.reason.contains(hint) == true)
        }
    }
}
