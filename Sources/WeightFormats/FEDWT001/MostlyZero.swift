public import Weights

/// Tells whether an array is to be written sparse: more than nine tenths of its elements are zero (protocol.md, section 1).
///
/// It is shown the elements a range at a time, and of an array that is dense hardly more than the first tenth is looked at.
public struct MostlyZero {
    private let spec: ArraySpec
    /// Of the elements shown; beyond `most` it is not counted any further.
    private var nonzero = 0
    private let most: Int

    /// A verdict on an array of which nothing was shown yet.
    public init(_ spec: ArraySpec) {
        self.spec = spec
        most = spec.count / 10 + 1
    }

    /// Shows the next elements.
    ///
    /// - Parameter range: whole elements, little-endian.
    public mutating func look(at range: UnsafeRawBufferPointer) {
        guard nonzero <= most, !spec.shape.isEmpty else { return }
        let elements = Nonzero(bytes: range, itemSize: spec.dtype.itemSize)
        nonzero += elements.count(upTo: most - nonzero) ?? most - nonzero + 1
    }

    /// Whether it is, once all elements were shown.
    ///
    /// An array without dimensions or elements never is.
    public var isTrue: Bool {
        guard !spec.shape.isEmpty, spec.count > 0 else { return false }
        // In floating point, as the reference compares.
        return Double(spec.count - nonzero) / Double(spec.count) > 0.9
    }
}
