internal import Glibc

/// How often each byte occurs in a plane, by a sample.
struct ByteStatistics {
    /// Stretches that are looked at, evenly apart.
    private static let stretches = 16
    /// An eighth of a plane is looked at, but no less than this, which tells the entropy to a twentieth of a bit.
    private static let leastLooked = 4096
    /// `count · log2(count)`, for the counts that are frequent: a logarithm takes longer than all of the rest.
    private static let weights = (0..<1024).map { $0 == 0 ? 0 : Double($0) * log2(Double($0)) }

    /// Bits that a byte takes in a code made for these frequencies: the entropy of order 0.
    let bitsPerByte: Double

    /// Looks at an eighth of a plane, or at all of a small one.
    init(_ plane: UnsafeRawBufferPointer) {
        bitsPerByte = withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 1024) { counts in
            counts.initialize(repeating: 0)
            let stretch = max(Self.leastLooked, plane.count / 8) / Self.stretches
            guard plane.count > stretch * Self.stretches else {
                Self.count(plane, in: counts)
                return Self.entropy(counts, of: plane.count)
            }
            let step = (plane.count - stretch) / (Self.stretches - 1)
            for index in 0..<Self.stretches {
                Self.count(UnsafeRawBufferPointer(rebasing: plane[(index * step)...].prefix(stretch)), in: counts)
            }
            return Self.entropy(counts, of: stretch * Self.stretches)
        }
    }

    /// Counts in four tables in turn: equal bytes in a row would wait for one another in a single one.
    private static func count(_ bytes: UnsafeRawBufferPointer, in counts: UnsafeMutableBufferPointer<UInt32>) {
        guard let start = bytes.baseAddress, let table = counts.baseAddress else { return }
        var index = 0
        while index &+ 4 <= bytes.count {
            let four = start.loadUnaligned(fromByteOffset: index, as: UInt32.self)
            table[Int(four & 0xff)] &+= 1
            table[256 &+ Int((four &>> 8) & 0xff)] &+= 1
            table[512 &+ Int((four &>> 16) & 0xff)] &+= 1
            table[768 &+ Int(four &>> 24)] &+= 1
            index &+= 4
        }
        while index < bytes.count {
            table[Int(bytes[index])] &+= 1
            index &+= 1
        }
    }

    private static func entropy(_ counts: UnsafeMutableBufferPointer<UInt32>, of total: Int) -> Double {
        guard total > 0 else { return 0 }
        var sum = 0.0
        var kinds = 0.0
        Self.weights.withUnsafeBufferPointer { weights in
            for byte in 0..<256 {
                let count = Int(counts[byte] &+ counts[256 + byte] &+ counts[512 + byte] &+ counts[768 + byte])
                guard count > 0 else { continue }
                sum += count < weights.count ? weights[count] : Double(count) * log2(Double(count))
                kinds += 1
            }
        }
        // A sample looks more regular than what it is from (Miller and Madow's correction).
        let bias = (kinds - 1) / (2 * Double(total) * 0.693_147)
        return log2(Double(total)) - sum / Double(total) + bias
    }
}
