internal import Weights

/// All that a pickle made and that is no plain number, by index.
///
/// Nothing is ever taken out; the machine bounds how much comes in.
struct PickleGraph {
    struct Text {
        let offset: UInt64
        let text: String
    }

    /// Bytes, which are in the sink save those of a single byte: NumPy's empty arrays are made with one that is no
    /// element, and Python keeps a single object for equal bytes of that length.
    struct Buffer {
        let offset: UInt64
        /// Nil while the sink does not have the single byte.
        var start: Int?
        let count: Int
        let byte: UInt8
    }

    struct Container {
        let offset: UInt64
        /// Those of a dict are key, value, key, value.
        var elements: [PickleValue] = []
    }

    struct Element {
        let offset: UInt64
        /// What `numpy.dtype` was called with.
        let name: String
        var type: ElementType
    }

    struct Array {
        let offset: UInt64
        /// Nil until BUILD gives it.
        var contents: DecodedArray?
    }

    var texts: [Text] = []
    var buffers: [Buffer] = []
    var tuples: [PickleValue] = []
    var lists: [Container] = []
    var dicts: [Container] = []
    var dtypes: [Element] = []
    var arrays: [Array] = []

    func text(_ value: PickleValue) -> String? {
        guard case .text(let index) = value else { return nil }
        return texts[Int(index)].text
    }

    func tuple(_ value: PickleValue) -> ArraySlice<PickleValue>? {
        guard case .tuple(let start, let count) = value else { return nil }
        return tuples[Int(start)..<Int(start) + Int(count)]
    }

    /// The elements of a list or a tuple.
    func sequence(_ value: PickleValue) -> ArraySlice<PickleValue>? {
        guard case .list(let index) = value else { return tuple(value) }
        return lists[Int(index)].elements[...]
    }

    /// Where in the body the value begins, for those that know it.
    func offset(of value: PickleValue) -> UInt64? {
        switch value {
        case .text(let index): texts[Int(index)].offset
        case .buffer(let index), .latin1(let index): buffers[Int(index)].offset
        case .list(let index): lists[Int(index)].offset
        case .dict(let index): dicts[Int(index)].offset
        case .dtype(let index): dtypes[Int(index)].offset
        case .array(let index): arrays[Int(index)].offset
        default: nil
        }
    }
}
