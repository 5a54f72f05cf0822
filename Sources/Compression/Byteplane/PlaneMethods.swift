/// Decides how each plane is compressed.
///
/// A sample of the bytes tells at once which planes are noise. Whether a search for repeats pays is tried on a part of a
/// plane, and believed for later planes of the same place, so that trials cost little however small the arrays are.
struct PlaneMethods {
    /// A plane whose bytes take more bits than this is stored, unless it has repeats.
    private static let noise = 7.84
    /// Bytes that are tried; repeats farther apart are not seen.
    private static let tried = 64 << 10
    /// Bytes that a trial holds for within its array, and beyond it.
    private static let (life, lifeBeyond) = (4 << 20, 1 << 20)
    /// Planes whose bytes take so many bits more or less are of another nature: they are tried anew.
    private static let difference = 0.5

    private struct Place: Hashable {
        var index: Int
        var kind: ItemKind
    }

    private struct Trial {
        var hasRepeats: Bool
        var bits: Double
        var array: UInt64
        var age: Int
    }

    private var trials: [Place: Trial] = [:]
    private var array: UInt64 = 0

    /// Another array comes.
    mutating func nextArray() { array += 1 }

    /// How a plane is compressed; nil to store it.
    mutating func method(
        _ plane: UnsafeRawBufferPointer, _ index: Int, _ kind: ItemKind, _ coder: PlaneCoder
    ) throws(EngineFailure) -> PlaneCoder.Method? {
        let bits = ByteStatistics(plane).bitsPerByte
        let place = Place(index: index, kind: kind)
        var trial = trials[place]
        if let last = trial, isStale(last, bits) { trial = nil }
        var current: Trial
        if let trial {
            current = trial
        } else {
            current = Trial(
                hasRepeats: try hasRepeats(plane, bits, coder), bits: bits, array: array, age: 0)
        }
        current.age += plane.count
        trials[place] = current
        if current.hasRepeats { return .level }
        return bits > Self.noise ? nil : .codes
    }

    private func isStale(_ trial: Trial, _ bits: Double) -> Bool {
        let life = trial.array == array ? Self.life : Self.lifeBeyond
        return trial.age >= life || abs(trial.bits - bits) > Self.difference
    }

    /// Whether repeats save a thirtieth of what codes alone would take.
    private func hasRepeats(
        _ plane: UnsafeRawBufferPointer, _ bits: Double, _ coder: PlaneCoder
    ) throws(EngineFailure) -> Bool {
        let start = max(0, plane.count - Self.tried) / 2
        let part = UnsafeRawBufferPointer(rebasing: plane[start...].prefix(Self.tried))
        var byCodes = part.count
        if bits <= Self.noise, let frame = try coder.frame(part, below: part.count, .codes) { byCodes = frame.count }
        return try coder.frame(part, below: byCodes - byCodes / 32, .level) != nil
    }
}
