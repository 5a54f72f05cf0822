internal import MicroHTTP

/// `PUT /rounds/{n}/updates/{client_id}` and `POST /rounds/{n}/updates`.
enum UploadRoutes {
    static func put(_ call: borrowing Call) throws(Failure) -> Acceptance {
        try accept(call, call.parameters["client_id"])
    }

    static func post(_ call: borrowing Call) throws(Failure) -> Acceptance { try accept(call, nil) }

    private static func accept(_ call: borrowing Call, _ clientID: String?) throws(Failure) -> Acceptance {
        let core = call.core
        let upload = try UploadRequest(
            call.request, round: call.parameters["round"] ?? "", clientID: clientID, maxBody: core.maxBody)
        try core.checkOpen(upload.round)
        return .handle(Upload(core, upload, call.id))
    }
}
