internal import Weights

/// The globals that are admitted (protocol.md, section 2), each only in its own construction.
enum PickleGlobal: Equatable {
    case reconstruct, frombuffer, ndarray, dtype
    /// `_codecs.encode`, by which protocol 2 turns text into bytes.
    case encode
    case bytes
    case orderedDict
    /// An element type of `ml_dtypes`.
    case element(DType)

    /// Nil for any other.
    init?(module: String, name: String) {
        switch (module, name) {
        case ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"):
            self = .reconstruct
        case ("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer"): self = .frombuffer
        case ("numpy", "ndarray"): self = .ndarray
        case ("numpy", "dtype"): self = .dtype
        case ("_codecs", "encode"): self = .encode
        case ("__builtin__", "bytes"), ("builtins", "bytes"): self = .bytes
        case ("collections", "OrderedDict"): self = .orderedDict
        case ("ml_dtypes", "bfloat16"): self = .element(.bfloat16)
        case ("ml_dtypes", "float8_e4m3fn"): self = .element(.float8e4m3fn)
        case ("ml_dtypes", "float8_e5m2"): self = .element(.float8e5m2)
        default: return nil
        }
    }
}
