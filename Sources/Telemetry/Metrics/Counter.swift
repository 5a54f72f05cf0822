internal import Synchronization

/// A number that only grows.
///
/// Thread: any.
public final class Counter: Sendable {
    private let total = Atomic<UInt64>(0)

    /// A counter at nought, that no registry knows.
    public init() {}

    /// Grows.
    ///
    /// - Parameter count: by how much.
    public func add(_ count: UInt64 = 1) { total.wrappingAdd(count, ordering: .relaxed) }

    /// What was counted so far.
    public var value: UInt64 { total.load(ordering: .relaxed) }
}

/// A number that goes up and down.
///
/// Thread: any.
public final class Gauge: Sendable {
    private let current = Atomic<Int>(0)

    /// A gauge at nought, that no registry knows.
    public init() {}

    /// Moves.
    ///
    /// - Parameter count: by how much, up or down.
    public func add(_ count: Int) { current.wrappingAdd(count, ordering: .relaxed) }

    /// Takes a value.
    ///
    /// - Parameter value: the new one.
    public func set(_ value: Int) { current.store(value, ordering: .relaxed) }

    /// What it stands at.
    public var value: Int { current.load(ordering: .relaxed) }
}
