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
    products: [.library(name: "Parsers", type: .static, targets: ["Gateway"])],
    targets: [
        .systemLibrary(name: "CLz4", pkgConfig: "liblz4"),
        .systemLibrary(name: "CMicrohttpd", pkgConfig: "libmicrohttpd"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd"),
        module("Bytes"),
        module("Threads"),
        module("WireJSON"),
        module("Digests", ["COpenSSL"]),
        module("Base64"),
        module("Compression", ["CLz4", "CZlib", "CZstd"]),
        module("WireTime"),
        module("Files"),
        module("Telemetry", ["Threads", "WireJSON", "WireTime"]),
        module("Weights"),
        module("WeightFormats", ["Base64", "Compression", "Files", "Weights", "WireJSON"]),
        module("Envelopes", ["Base64", "Bytes", "Compression", "Digests", "EventLog", "Files", "WireJSON"]),
        module("EventLog", ["Bytes"]),
        module("MicroHTTP", ["Bytes", "CMicrohttpd", "Threads"]),
        module(
            "Aggregation",
            [
                "Bytes", "Compression", "Envelopes", "EventLog", "Files", "Telemetry", "Threads", "WeightFormats",
                "Weights", "WireJSON", "WireTime",
            ]),
        .target(
            name: "Gateway",
            dependencies: [
                "Aggregation", "Base64", "Bytes", "Compression", "Digests", "Envelopes", "EventLog", "Files",
                "MicroHTTP", "Telemetry", "Threads", "WeightFormats", "Weights", "WireJSON", "WireTime",
            ],
            resources: [.embedInCode("openapi.yaml")], swiftSettings: house),
    ]
)
