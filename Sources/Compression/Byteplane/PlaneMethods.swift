/// Decides how each plane is compressed.
///
/// A sample of the bytes tells at once which planes are noise. Whether a search for repeats pays is tried on a part of a
/// plane, and believed for the next blocks' planes of the same place.
struct PlaneMethods {
    /// A plane whose bytes take more bits than this is stored, unless it has repeats.
    private static let noise = 7.84
    /// Bytes that are tried.
    private static let tried = 16 << 10
    /// Blocks that a trial holds for.
    private static let life = 8

    private struct Trial {
        var hasRepeats: Bool
        var left: Int
    }

    private var trials: [Int: Trial] = [:]

    /// Forgets what was tried: another array comes.
    mutating func reset() { trials.removeAll(keepingCapacity: true) }

    /// How a plane is compressed; nil to store it.
    mutating func method(
        _ plane: UnsafeRawBufferPointer, _ index: Int, _ coder: PlaneCoder
    ) throws(EngineFailure) -> PlaneCoder.Method? {
        let bits = ByteStatistics(plane).bitsPerByte
        if try hasRepeats(plane, bits, index, coder) { return .level }
        return bits > Self.noise ? nil : .codes
    }

    private mutating func hasRepeats(
        _ plane: UnsafeRawBufferPointer, _ bits: Double, _ index: Int, _ coder: PlaneCoder
    ) throws(EngineFailure) -> Bool {
        if var trial = trials[index], trial.left > 0 {
            trial.left -= 1
            trials[index] = trial
            return trial.hasRepeats
        }
        let start = max(0, plane.count - Self.tried) / 2
        let part = UnsafeRawBufferPointer(rebasing: plane[start...].prefix(Self.tried))
        // Repeats pay when they save a thirtieth of what codes alone would take.
        let byCodes = try coder.frame(part, below: part.count, .codes)?.count ?? part.count
        let byLevel = try coder.frame(part, below: byCodes - byCodes / 32, .level)
        trials[index] = Trial(hasRepeats: byLevel != nil, left: Self.life)
        return byLevel != nil
    }
}
