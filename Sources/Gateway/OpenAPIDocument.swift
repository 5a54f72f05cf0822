/// The HTTP surface's description, as openapi/openapi.yaml has it; the build puts it into the program.
enum OpenAPIDocument {
    static let bytes = PackageResources.openapi_yaml
}
