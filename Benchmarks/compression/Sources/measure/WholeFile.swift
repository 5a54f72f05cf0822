internal import Glibc

struct FileFailure: Error { var path: String }

func read(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw FileFailure(path: path) }
    defer { fclose(file) }
    fseek(file, 0, SEEK_END)
    let count = ftell(file)
    rewind(file)
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { memory, filled in
        filled = fread(memory.baseAddress, 1, count, file)
    }
    guard bytes.count == count else { throw FileFailure(path: path) }
    return bytes
}

func write(_ bytes: [UInt8], to path: String) throws {
    guard let file = fopen(path, "wb") else { throw FileFailure(path: path) }
    defer { fclose(file) }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw FileFailure(path: path) }
}
