/// Count, mean, spread and extremes of values, without keeping them (Welford).
public struct Moments: Sendable, Hashable {
    /// How many values.
    public private(set) var count: UInt64 = 0
    /// Their mean; 0 without values.
    public private(set) var mean = 0.0
    /// The least of them.
    public private(set) var min = Double.infinity
    /// The largest of them.
    public private(set) var max = -Double.infinity
    /// The sum of the squared distances from the mean.
    private var squares = 0.0

    /// No values.
    public init() {}

    /// The standard deviation of the values themselves, not of a sample (as NumPy's `std`).
    public var deviation: Double { count == 0 ? 0 : (squares / Double(count)).squareRoot() }

    /// Their sum.
    public var sum: Double { mean * Double(count) }

    /// Takes one value.
    ///
    /// - Parameter value: any; what is not finite is left out.
    public mutating func add(_ value: Double) {
        guard value.isFinite else { return }
        count += 1
        let distance = value - mean
        mean += distance / Double(count)
        squares += distance * (value - mean)
        min = Swift.min(min, value)
        max = Swift.max(max, value)
    }

    /// Takes the values of another one (Chan, Golub and LeVeque).
    ///
    /// - Parameter other: of other values.
    public mutating func merge(_ other: Moments) {
        guard other.count > 0 else { return }
        guard count > 0 else {
            self = other
            return
        }
        let total = Double(count + other.count)
        let distance = other.mean - mean
        squares += other.squares + distance * distance * Double(count) * Double(other.count) / total
        mean += distance * Double(other.count) / total
        count += other.count
        min = Swift.min(min, other.min)
        max = Swift.max(max, other.max)
    }
}
