internal import Glibc

/// How far a transfer is, on a terminal and nowhere else.
final class ProgressBar {
    private let label: String
    private let started = ContinuousClock.now
    private var lastDrawn: ContinuousClock.Instant?

    init(_ label: String) { self.label = label }

    /// Draws it anew, a few times a second.
    func show(_ done: Int, _ total: Int?) {
        guard Terminal.isInteractive, done > 0 else { return }
        let now = ContinuousClock.now
        if let lastDrawn, now - lastDrawn < .milliseconds(100), done != total { return }
        lastDrawn = now
        let seconds = max(
            0.001, Double((now - started).components.seconds) + Double((now - started).components.attoseconds) * 1e-18)
        let rate = Double(done) / seconds
        var line = "\r\(label)  \(Self.size(Double(done)))"
        if let total, total > 0 {
            let filled = min(24, done * 24 / total)
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 24 - filled)
            let left = Int(Double(total - done) / max(rate, 1))
            line = "\r\(label)  [\(bar)]  \(Self.size(Double(done))) of \(Self.size(Double(total)))  \(left) s left"
        }
        Terminal.write(line + "  \(Self.size(rate))/s  ", to: 2)
    }

    /// Goes to the next line, if anything was drawn.
    func end() { if lastDrawn != nil { Terminal.error("") } }

    static func size(_ bytes: Double) -> String {
        let units = ["B", "kB", "MB", "GB", "TB"]
        var value = bytes
        var unit = 0
        while value >= 1000, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        let tenths = Int((value * 10).rounded())
        return unit == 0 ? "\(Int(value)) B" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
