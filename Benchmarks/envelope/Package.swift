// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that the program's build knows nothing of it; its sources are links to the program's.
let house: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: house)
}

let package = Package(
    name: "envelope-benchmark",
    targets: [
        .systemLibrary(name: "CLz4", pkgConfig: "liblz4"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd"),
        module("Base64"),
        module("Bytes"),
        module("Compression", ["CLz4", "CZlib", "CZstd"]),
        module("Digests", ["COpenSSL"]),
        module("EventLog", ["Bytes"]),
        module("Files"),
        module("WireJSON"),
        module("Envelopes", ["Base64", "Bytes", "Compression", "Digests", "EventLog", "Files", "WireJSON"]),
        .executableTarget(
            name: "measure", dependencies: ["Base64", "Bytes", "Compression", "Envelopes", "EventLog"],
            swiftSettings: house),
    ]
)
