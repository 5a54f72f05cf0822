internal import Weights

extension FEDWT001Validator {
    func name(ofArray index: Int) -> String? { names.indices.contains(index) ? names[index] : nil }

    mutating func completeArrayHeader() throws(WeightFailure) {
        let index = arrays.count
        switch step {
        case .ndim:
            let most = ArrayDraft.maximumDimensions
            guard field[0] <= most else {
                throw WeightFailure(
                    "ndim \(field[0]) is over \(most)", at: fieldOffset, array: index, limit: UInt64(most))
            }
            try expect(.shape(ndim: Int(field[0])), 4 * Int(field[0]))
        case .shape(let ndim):
            shape = (0..<ndim).map { UInt64(integer(UInt32.self, at: 4 * $0)) }
            try expect(.dtypeLength, 1)
        case .dtypeLength:
            guard (1...32).contains(field[0]) else {
                throw WeightFailure(
                    "dtype name has \(field[0]) bytes; 1 to 32 are admitted", at: fieldOffset, array: index,
                    limit: field[0] > 32 ? 32 : nil)
            }
            try expect(.dtype(length: Int(field[0])), Int(field[0]))
        case .dtype:
            let name = String(decoding: field, as: UTF8.self)
            guard let known = ElementType(text: name) else {
                throw WeightFailure(
                    "dtype \(name.debugDescription) is not one of \(ElementType.admitted)", at: fieldOffset,
                    array: index)
            }
            element = known
            try expect(.elements, 8)
        default:
            try addArray(index)
        }
    }

    private mutating func addArray(_ index: Int) throws(WeightFailure) {
        let spec = try ArraySpec.checked(
            name: name(ofArray: index), dtype: element.dtype, shape: shape, at: fieldOffset, array: index)
        let count = integer(UInt64.self)
        guard count == UInt64(spec.count) else {
            throw WeightFailure(
                "element count \(count) differs from \(spec.count), the product of shape \(shape)",
                at: fieldOffset, array: index)
        }
        guard UInt64(spec.byteCount) <= limits.decodedBytes - decoded else {
            throw WeightFailure(
                "the arrays up to this one take more than \(limits.decodedBytes) bytes",
                at: fieldOffset, array: index, limit: limits.decodedBytes)
        }
        decoded += UInt64(spec.byteCount)
        arrays.append(spec)
        areBigEndian.append(element.bigEndian)
        if arrays.count < arrayCount {
            try expect(.ndim, 1)
        } else {
            seen = Array(repeating: false, count: arrayCount)
            bodies = Array(repeating: Body(isSparse: false, start: 0, stored: 0), count: arrayCount)
            recordsLeft = arrayCount
            try expect(.record, 13)
        }
    }

    mutating func completeRecord() throws(WeightFailure) {
        let start = fieldOffset
        let number = integer(UInt32.self)
        let flag = field[4]
        let length = integer(UInt64.self, at: 5)
        guard number < UInt32(arrayCount) else {
            throw WeightFailure(
                "record index \(number) is not below the array count \(arrayCount)", at: start,
                limit: UInt64(arrayCount - 1))
        }
        let index = Int(number)
        guard !seen[index] else { throw WeightFailure("index \(index) comes twice", at: start, array: index) }
        seen[index] = true
        lastIndex = index
        bodies[index] = Body(
            isSparse: flag != 0, start: start + 13, stored: arrays[index].count, isBigEndian: areBigEndian[index])
        recordsLeft -= 1
        switch flag {
        case 0:
            guard length == UInt64(arrays[index].byteCount) else {
                throw WeightFailure(
                    "byte length \(length) differs from the \(arrays[index].byteCount) of its shape and dtype",
                    at: start + 5, array: index)
            }
            skip = length
            try nextRecord()
        case 2:
            try beginSparse(index, length, at: start)
        case 1:
            guard !arrays[index].shape.isEmpty else {
                throw WeightFailure("a 0-dimensional array is never sparse", at: start + 4, array: index)
            }
            let begin = start + 13
            guard length > 0, length <= UInt64(Int.max), begin <= UInt64(Int.max) - length else {
                throw WeightFailure("byte length \(length) holds no pickle", at: start + 5, array: index)
            }
            pickle = PickledSparse(arrays[index], index: index, at: begin, length: length)
        default:
            throw WeightFailure("flag \(flag) is not 0, 1 or 2", at: start + 4, array: index)
        }
    }

    /// After an array's data, which `skip` still covers: another record or the end.
    mutating func nextRecord() throws(WeightFailure) {
        if recordsLeft == 0 {
            step = .end
            field.removeAll(keepingCapacity: true)
        } else {
            try expect(.record, 13)
        }
    }
}
