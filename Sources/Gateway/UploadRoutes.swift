internal import MicroHTTP

/// `PUT /rounds/{n}/updates/{client_id}` and `POST /rounds/{n}/updates`.
enum UploadRoutes {
    static func put(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        try accept(request, call, call.parameters["client_id"])
    }

    static func post(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        try accept(request, call, nil)
    }

    private static func accept(_ request: borrowing Request, _ call: Call, _ clientID: String?) throws(Failure)
        -> Acceptance
    {
        let core = call.core
        let inParts = try PartialUploadRoutes.isCreation(request)
        let upload = try UploadRequest(
            request, round: call.parameters["round"] ?? "", clientID: clientID, ownID: call.caller.clientID,
            maxBody: core.maxBody, inParts: inParts)
        if let own = call.caller.clientID, upload.clientID != own {
            throw Failure(.forbidden, "the token is for another client than the request")
        }
        // Who has an update of a closed round may ask for its receipt again.
        if !core.updates.hasUpdate(of: upload.clientID, round: upload.round) { try core.checkOpen(upload.round) }
        if inParts { return try PartialUploadRoutes.create(request, upload, call) }
        return .handle(try Upload(core, upload, call.id))
    }
}
