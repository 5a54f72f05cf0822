internal import Weights
internal import WireJSON

/// What a safetensors header says (github.com/huggingface/safetensors, "Format"): an object of arrays by name, and perhaps
/// `__metadata__`.
struct SafetensorsHeader {
    /// What it says of one array, and where in the body it says so.
    struct Entry {
        let name: String
        let dtype: DType
        let shape: [UInt64]
        let shapePlace: UInt64
        let begin: UInt64
        let end: UInt64
        let offsetsPlace: UInt64

        /// The array's index is known once all entries are.
        func failure(_ reason: String, at offset: UInt64, array: Int, limit: UInt64? = nil) -> WeightFailure {
            WeightFailure(reason, at: offset, array: array, name: name, limit: limit)
        }
    }

    /// In the order in which they stand there.
    private(set) var entries: [Entry] = []
    private(set) var metadata: [String: JSONValue] = [:]

    /// Reads all of it.
    ///
    /// - Parameters:
    ///   - text: of the header, with the padding behind it.
    ///   - origin: of the text in the body.
    ///   - budget: what the body may claim.
    init(_ text: [UInt8], at origin: UInt64, _ budget: DecodeBudget) throws(WeightFailure) {
        let header = text.withUnsafeBytes { bytes in
            Result { () throws(WeightFailure) in
                var reader = SafetensorsHeaderReader(bytes, at: origin)
                return try Self(&reader, budget)
            }
        }
        self = try header.get()
    }

    private init(_ reader: inout SafetensorsHeaderReader, _ budget: DecodeBudget) throws(WeightFailure) {
        var names = ArrayNames()
        try reader.beginObject("the safetensors header")
        while let name = try reader.key() {
            let place = reader.keyPlace
            guard name != "__metadata__" else {
                metadata = try reader.strings(name)
                continue
            }
            try budget.admitArray(entries.count, at: place)
            try names.take(name, at: place, array: nil)
            reader.name = name
            entries.append(try Self.entry(name, at: place, &reader))
            reader.name = nil
        }
        try reader.end()
    }

    private static func entry(
        _ name: String, at place: UInt64, _ reader: inout SafetensorsHeaderReader
    ) throws(WeightFailure) -> Entry {
        var dtype: DType?
        var shape: (lengths: [UInt64], place: UInt64)?
        var offsets: (lengths: [UInt64], place: UInt64)?
        try reader.beginObject("its entry in the header")
        while let key = try reader.key() {
            switch key {
            case "dtype" where dtype == nil: dtype = try reader.dtype()
            case "shape" where shape == nil: shape = try reader.lengths(key, most: ArrayDraft.maximumDimensions)
            case "data_offsets" where offsets == nil: offsets = try reader.lengths(key, most: 2)
            case "dtype", "shape", "data_offsets":
                throw reader.failure("key \(key.quoted) comes twice", at: reader.keyPlace)
            default: try reader.skip()
            }
        }
        guard let dtype, let shape, let offsets else {
            throw reader.failure("dtype, shape and data_offsets are needed", at: place)
        }
        guard offsets.lengths.count == 2 else {
            throw reader.failure("data_offsets is not a list of two offsets", at: offsets.place)
        }
        return Entry(
            name: name, dtype: dtype, shape: shape.lengths, shapePlace: shape.place, begin: offsets.lengths[0],
            end: offsets.lengths[1], offsetsPlace: offsets.place)
    }
}
