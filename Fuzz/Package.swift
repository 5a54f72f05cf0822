// swift-tools-version: 6.1
import PackageDescription

// The parsers as one library that is built for libFuzzer and AddressSanitizer; `Fuzz/run` links the targets to it.

let house: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-sanitize=fuzzer"]),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: house)
}

let package = Package(
    name: "fuzz",
    products: [.library(name: "Parsers", type: .static, targets: ["Compression", "WeightFormats"])],
    targets: [
        .systemLibrary(name: "CLz4", pkgConfig: "liblz4"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd"),
        module("Weights"),
        module("WireJSON"),
        module("Base64"),
        module("Files"),
        module("Compression", ["CLz4", "CZlib", "CZstd"]),
        module("WeightFormats", ["Base64", "Compression", "Files", "Weights", "WireJSON"]),
    ]
)
