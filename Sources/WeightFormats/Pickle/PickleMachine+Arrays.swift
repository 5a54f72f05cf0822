internal import Weights

extension PickleMachine {
    /// Makes an array whole.
    ///
    /// - Parameters:
    ///   - order: C, F or, with a permutation, K.
    ///   - permutation: as NumPy ≥ 2.4 writes it: the bytes have `shape` in C order, and the array is its
    ///     `transpose(permutation)`.
    mutating func fill(
        _ index: Int, shape: PickleValue, dtype: PickleValue, order: String, permutation: PickleValue?,
        data: PickleValue, to sink: any ElementSink
    ) throws {
        var draft = ArrayDraft(index: index, offset: graph.arrays[index].offset)
        guard case .dtype(let element) = dtype else { throw failure("dtype of an array is \(dtype.kind)") }
        draft.type = graph.dtypes[Int(element)].type
        guard let lengths = graph.tuple(shape) else { throw failure("shape of an array is \(shape.kind)") }
        draft.shape = []
        for length in lengths {
            guard case .integer(let length) = length, let length = UInt64(exactly: length) else {
                throw failure("shape holds \(length.kind) that is no length")
            }
            try draft.appendDimension(length, at: start)
        }
        guard case .buffer(let buffer) = data else { throw failure("data of an array is \(data.kind), not bytes") }
        draft.dataOffset = graph.buffers[Int(buffer)].offset
        try draft.admit(dataBytes: UInt64(graph.buffers[Int(buffer)].count), at: draft.dataOffset)
        let range = try range(ofBuffer: buffer, to: sink)
        draft.data = range
        var array = try draft.finished(typeField: "dtype", at: start)
        let bigEndian = graph.dtypes[Int(element)].type.bigEndian
        var axes: [Int]?
        if order == "K", let permutation {
            let sources = try self.permutation(permutation, of: lengths.count)
            axes = Array(repeating: 0, count: sources.count)
            for (axis, source) in sources.enumerated() { axes?[source] = axis }
            let stored = array.spec.shape
            array.spec.shape = sources.map { stored[$0] }
            if sources.elementsEqual(sources.indices) { axes = nil }
        } else if order == "F" {
            if lengths.count > 1 { axes = (0..<lengths.count).reversed() }
        } else if order != "C" {
            throw failure("order \(order.quoted) is not C, F or K with its axes")
        }
        array.storage = .dense(bytes: range, axes: axes, bigEndian: bigEndian)
        graph.arrays[index].contents = array
    }

    private func permutation(_ value: PickleValue, of count: Int) throws(WeightFailure) -> [Int] {
        var sources: [Int] = []
        for axis in graph.tuple(value) ?? [] {
            guard case .integer(let axis) = axis, axis >= 0, axis < count, !sources.contains(Int(axis)) else { break }
            sources.append(Int(axis))
        }
        guard sources.count == count, graph.tuple(value)?.count == count else {
            throw failure("the axes of an array are not a permutation of its \(count) dimensions")
        }
        return sources
    }
}
