//! What Graph means: every wording known from documents, recordings and reports.

use serde_json::json;

use crate::graph::{Error, Refusal, Refusal::*, error::from_answer, operation, refusal::Asked};

const U: &str = "87d349ed-44d7-43e1-9a83-5f2406dee5bd";
const G: &str = "a3f6c606-38ec-42d7-8c0e-d4ecaf0d9d61";
const BAD: &str = "Request_BadRequest";
const GONE: &str = "Request_ResourceNotFound";
const CONFLICT: &str = "A conflicting object with one or more of the specified property values is present in the directory.";
const ADDED: &str = "One or more added object references already exist for the following modified properties: 'members'.";
const NET_ID: &str = "Property netId is invalid.";
const COMPANY: &str = "Unable to read the company information from the directory.";
const SAME_UPN: &str =
    "Another object with the same value for property userPrincipalName already exists.";

fn absent(resource: &str) -> String {
    format!(
        "Resource '{resource}' does not exist or one of its queried reference-property objects are not present."
    )
}

fn refusal(
    request: &str,
    status: u16,
    code: &str,
    message: &str,
    details: &[&str],
) -> Option<Refusal> {
    let (method, path) = request.split_once(' ').unwrap();
    let operation = operation::name(method, path);
    let details: Vec<_> = details
        .iter()
        .map(|code| json!({"code": code, "message": "m", "target": "t"}))
        .collect();
    let asked = Asked {
        operation: &operation,
        path,
    };
    let body = json!({"error": {"code": code, "message": message, "details": details}});
    from_answer(asked, status, &body, None, None).refusal()
}

/// Request, status, code, message, codes of the details, meaning.
type Row<'a> = (
    &'a str,
    u16,
    &'a str,
    &'a str,
    &'a [&'a str],
    Option<Refusal>,
);

#[test]
fn what_graph_means() {
    let user = format!("/users/{U}");
    let group = format!("/groups/{G}");
    let member = format!("DELETE {group}/members/{U}/$ref");
    let add_member = format!("POST {group}/members/$ref");
    let patch_group = format!("PATCH {group}");
    let patch_user = format!("PATCH {user}");
    let get_user = format!("GET {user}");
    let manager = format!("GET {user}/manager");
    let set_manager = format!("PUT {user}/manager/$ref");
    let licence = format!("POST {user}/assignLicense");
    let group_licence = format!("POST {group}/assignLicense");
    let mailbox = format!("GET {user}/mailboxSettings");
    let photo = format!("GET {user}/photo/$value");
    let by_name = "GET /users/anna%40contoso.com";
    let role = "POST /roleManagement/directory/roleAssignments";
    let unassign = format!("DELETE /roleManagement/directory/roleAssignments/{G}");
    let pim = "POST /roleManagement/directory/roleAssignmentScheduleRequests";
    let pim_request = format!("GET /roleManagement/directory/roleAssignmentScheduleRequests/{G}");
    let group_pim = "GET /identityGovernance/privilegedAccess/group/eligibilitySchedules";
    let app_role = "POST /servicePrincipals/1/appRoleAssignedTo";
    let unit = "POST /directory/administrativeUnits/1/members/$ref";
    let rows: &[Row<'_>] = &[
        // Not there.
        (&get_user, 404, GONE, &absent(U), &[], Some(Absent)),
        (
            &get_user,
            404,
            GONE,
            &absent(&U.to_uppercase()),
            &[],
            Some(Absent),
        ),
        (
            &get_user,
            404,
            GONE,
            "Resource does not exist or one of its queried reference-property objects are not present.",
            &[],
            Some(Absent),
        ),
        (
            by_name,
            404,
            GONE,
            &absent("Anna@contoso.com"),
            &[],
            Some(Absent),
        ),
        (&patch_user, 404, GONE, &absent(U), &[], Some(Absent)),
        (
            &format!("DELETE {user}"),
            404,
            GONE,
            &absent(U),
            &[],
            Some(Absent),
        ),
        (
            &get_user,
            400,
            BAD,
            &format!("Invalid object identifier '{U}'."),
            &[],
            Some(Absent),
        ),
        (
            &pim_request,
            404,
            "RoleAssignmentRequestNotFound",
            "The role assignment request is not found",
            &[],
            Some(Absent),
        ),
        (
            "GET /users",
            400,
            BAD,
            "Invalid object identifier 'test'.",
            &[],
            None,
        ),
        (
            &member,
            400,
            BAD,
            &format!("Invalid object identifier '{U}'."),
            &[],
            Some(NotThere),
        ),
        // Not Graph's word on the object.
        (
            &get_user,
            404,
            "Directory_ObjectNotFound",
            COMPANY,
            &[],
            Some(Replicating),
        ),
        (
            "POST /users",
            404,
            "Directory_ObjectNotFound",
            COMPANY,
            &[],
            Some(Replicating),
        ),
        (
            &member,
            404,
            "Directory_ObjectNotFound",
            COMPANY,
            &[],
            Some(Replicating),
        ),
        (
            &format!("PUT {group}/team"),
            404,
            "NotFound",
            "Failed to execute MS Graph backend request GetGroupInternalApiRequest",
            &[],
            Some(Replicating),
        ),
        (&get_user, 404, "", "", &[], None),
        (&get_user, 404, "UnknownError", "", &[], None),
        (&get_user, 404, "NotFound", "no such route", &[], None),
        (&get_user, 403, "", "", &[], None),
        (&get_user, 500, GONE, &absent(U), &[], None),
        (
            &get_user,
            405,
            BAD,
            "Specified HTTP method is not allowed for the request target.",
            &[],
            None,
        ),
        // Mailboxes and photos.
        (
            &mailbox,
            404,
            "ErrorNonExistentMailbox",
            "The SMTP address has no mailbox associated with it.",
            &[],
            Some(NoMailbox),
        ),
        (
            &mailbox,
            404,
            "MailboxNotEnabledForRESTAPI",
            "REST API is not yet supported for this mailbox.",
            &[],
            Some(NoMailbox),
        ),
        (&mailbox, 404, GONE, &absent(U), &[], Some(Absent)),
        (
            &mailbox,
            404,
            "ErrorItemNotFound",
            "The specified object was not found in the store.",
            &[],
            None,
        ),
        (
            &photo,
            404,
            "ImageNotFound",
            "Exception of type 'Microsoft.Fast.Profile.Core.Exception.ImageNotFoundException' was thrown.",
            &[],
            Some(NoPhoto),
        ),
        (
            &photo,
            404,
            "ErrorNonExistentMailbox",
            "The SMTP address has no mailbox associated with it.",
            &[],
            Some(NoPhoto),
        ),
        (&photo, 404, GONE, &absent(U), &[], Some(Absent)),
        (&photo, 404, "UnknownError", "", &[], None),
        // Names that are taken.
        (
            "POST /users",
            400,
            BAD,
            SAME_UPN,
            &["ObjectConflict"],
            Some(Duplicate),
        ),
        (
            &patch_user,
            400,
            BAD,
            SAME_UPN,
            &["ObjectConflict"],
            Some(Duplicate),
        ),
        ("POST /users", 400, BAD, SAME_UPN, &[], Some(Duplicate)),
        (
            "POST /users",
            400,
            BAD,
            "Another object with the same value for property proxyAddresses already exists.",
            &["ObjectConflict", "ConflictingObjects"],
            Some(Duplicate),
        ),
        (
            "POST /groups",
            400,
            BAD,
            "Another object with the same value for property mailNickname already exists.",
            &["ObjectConflict"],
            Some(Duplicate),
        ),
        ("POST /users", 400, BAD, CONFLICT, &[], Some(Duplicate)),
        (
            "POST /groupSettings",
            400,
            BAD,
            CONFLICT,
            &[],
            Some(Duplicate),
        ),
        ("POST /users", 400, BAD, NET_ID, &[], Some(Duplicate)),
        ("POST /users", 404, GONE, NET_ID, &[], Some(Duplicate)),
        (
            "POST /users",
            404,
            BAD,
            "Property netId is invalid",
            &[],
            Some(Duplicate),
        ),
        (&patch_user, 400, BAD, NET_ID, &[], None),
        (
            "POST /servicePrincipals",
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            "The service principal cannot be created, updated, or restored because the service principal name c642e789 is already in use.",
            &["ObjectConflict"],
            Some(Duplicate),
        ),
        (
            "POST /applications/1/extensionProperties",
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            "An extension property exists with the name extension_1_x.",
            &[],
            Some(Duplicate),
        ),
        (
            "POST /groups/1/validateProperties",
            422,
            "Request_UnprocessableEntity",
            "The values provided contain one or more validation errors.",
            &["PropertyConflict"],
            Some(Duplicate),
        ),
        (
            "POST /groups/1/validateProperties",
            422,
            "Request_UnprocessableEntity",
            "The values provided contain one or more validation errors.",
            &["MissingPrefixSuffix"],
            None,
        ),
        (
            "POST /invitations",
            400,
            BAD,
            "The invited user already exists in the directory as object ID. They can use that account to sign in to shared apps and resources.",
            &[],
            Some(Duplicate),
        ),
        (
            "POST /groups",
            400,
            BAD,
            "Request contains a property with duplicate values.",
            &[],
            None,
        ),
        (
            "POST /groups",
            400,
            BAD,
            "Property classification has an invalid value.",
            &["InvalidValue"],
            None,
        ),
        (
            "POST /users",
            400,
            BAD,
            "One or more property values specified are invalid.",
            &[],
            None,
        ),
        (
            "POST /users",
            400,
            BAD,
            "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.",
            &["InvalidValue"],
            None,
        ),
        (
            "POST /users",
            400,
            BAD,
            "The specified password does not comply with password complexity requirements. Please provide a different password.",
            &[],
            None,
        ),
        (
            "POST /users",
            400,
            BAD,
            "A password must be specified to create a new user.",
            &[],
            None,
        ),
        // What is held already.
        (&add_member, 400, BAD, ADDED, &[], Some(AlreadyThere)),
        (&patch_group, 400, BAD, ADDED, &[], Some(AlreadyThere)),
        (unit, 400, BAD, CONFLICT, &[], Some(AlreadyThere)),
        (role, 400, BAD, CONFLICT, &[], Some(AlreadyThere)),
        (
            role,
            400,
            "RoleAssignmentExists",
            "The Role assignment already exists.",
            &[],
            Some(AlreadyThere),
        ),
        (
            pim,
            400,
            "RoleAssignmentExists",
            "The Role assignment already exists.",
            &[],
            Some(AlreadyThere),
        ),
        (
            "PUT /subscriptions/1/providers/Microsoft.Authorization/roleAssignments/1",
            409,
            "RoleAssignmentExists",
            "The role assignment already exists.",
            &[],
            Some(AlreadyThere),
        ),
        (
            "POST /oauth2PermissionGrants",
            400,
            BAD,
            "Permission entry already exists.",
            &[],
            Some(AlreadyThere),
        ),
        (
            "POST /oauth2PermissionGrants",
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            "Permission entry already exists.",
            &[],
            Some(AlreadyThere),
        ),
        (
            app_role,
            400,
            BAD,
            "Permission being assigned already exists on the object",
            &[],
            Some(AlreadyThere),
        ),
        // What is not held.
        (&member, 404, GONE, &absent(G), &[], Some(NotThere)),
        (&member, 404, GONE, &absent(U), &[], Some(NotThere)),
        (
            &member,
            400,
            BAD,
            "One or more removed object references do not exist for the following modified properties: 'members'.",
            &[],
            Some(NotThere),
        ),
        (&unassign, 404, GONE, &absent(G), &[], Some(NotThere)),
        (
            pim,
            400,
            "RoleAssignmentDoesNotExist",
            "The Role assignment does not exist.",
            &[],
            Some(NotThere),
        ),
        (
            &licence,
            400,
            BAD,
            "User does not have a corresponding license.",
            &[],
            Some(NotThere),
        ),
        (
            &group_licence,
            400,
            BAD,
            "Group does not have a corresponding license.",
            &[],
            Some(NotThere),
        ),
        (&manager, 404, GONE, &absent("manager"), &[], Some(NotThere)),
        (
            &format!("DELETE {user}/manager/$ref"),
            404,
            GONE,
            &absent("manager"),
            &[],
            Some(NotThere),
        ),
        (&manager, 404, GONE, &absent(U), &[], Some(Absent)),
        // References to nobody.
        (
            &add_member,
            404,
            GONE,
            &absent(U),
            &[],
            Some(MissingReference),
        ),
        (&add_member, 404, GONE, &absent(G), &[], Some(Absent)),
        (
            &patch_group,
            404,
            GONE,
            &absent(U),
            &[],
            Some(MissingReference),
        ),
        (&patch_group, 404, GONE, &absent(G), &[], Some(Absent)),
        (
            "POST /groups",
            404,
            GONE,
            &absent(U),
            &[],
            Some(MissingReference),
        ),
        (
            &set_manager,
            404,
            GONE,
            &absent(G),
            &[],
            Some(MissingReference),
        ),
        (&set_manager, 404, GONE, &absent(U), &[], Some(Absent)),
        (role, 404, GONE, &absent(U), &[], Some(MissingReference)),
        (
            role,
            400,
            BAD,
            "Invalid object identifier 'x'.",
            &[],
            Some(MissingReference),
        ),
        (
            pim,
            404,
            "SubjectNotFound",
            "The subject is not found.",
            &[],
            Some(MissingReference),
        ),
        (
            pim,
            404,
            "RoleNotFound",
            "The role is not found.",
            &[],
            Some(MissingReference),
        ),
        (
            role,
            400,
            "PrincipalNotFound",
            "Principal b75310a1 does not exist in the directory 72f988bf.",
            &[],
            Some(MissingReference),
        ),
        (
            &add_member,
            400,
            BAD,
            "The source resource object or one of the objects being referenced don't exist.",
            &[],
            Some(MissingReference),
        ),
        (
            "POST /servicePrincipals",
            400,
            BAD,
            "The appId '1' of the service principal does not reference a valid application object",
            &["NoBackingApplicationObject"],
            Some(MissingReference),
        ),
        (
            "POST /servicePrincipals",
            403,
            "Authorization_RequestDenied",
            "When using this permission, the backing application of the service principal being created must in the local tenant",
            &[],
            Some(MissingReference),
        ),
        (
            app_role,
            400,
            BAD,
            "Not a valid reference update",
            &[],
            Some(MissingReference),
        ),
        (
            &licence,
            400,
            BAD,
            "License 1 does not correspond to a valid company License.",
            &[],
            Some(MissingReference),
        ),
        // Rules of the directory.
        (
            &patch_user,
            400,
            BAD,
            "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.",
            &[],
            Some(OnPremises),
        ),
        (
            &add_member,
            400,
            BAD,
            "Cannot Update a mail-enabled security groups and or distribution list.",
            &[],
            Some(ExchangeManaged),
        ),
        (
            &format!("DELETE {group}/owners/{U}/$ref"),
            400,
            BAD,
            "The group must have at least one owner, hence this owner cannot be removed.",
            &[],
            Some(LastOwner),
        ),
        (
            &licence,
            400,
            BAD,
            "User license is inherited from a group membership and it cannot be removed directly from the user.",
            &[],
            Some(InheritedLicence),
        ),
        (
            &licence,
            400,
            BAD,
            "Subscription with SKU 1 does not have any available licenses.",
            &[],
            Some(NoSeats),
        ),
        (
            &licence,
            400,
            BAD,
            "License assignment cannot be done for user with invalid usage location.",
            &[],
            Some(NoUsageLocation),
        ),
        (
            pim,
            400,
            "RoleAssignmentRequestPolicyValidationFailed",
            "The following policy rules failed: [\"JustificationRule\"]",
            &[],
            Some(AssignmentPolicy),
        ),
        (
            group_pim,
            400,
            "AadPremiumLicenseRequired",
            "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.",
            &[],
            Some(PremiumRequired),
        ),
        (
            group_pim,
            400,
            "UnknownError",
            "[AadPremiumLicenseRequired] The tenant needs an AAD Premium 2 license.",
            &[],
            Some(PremiumRequired),
        ),
        (
            &get_user,
            403,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            "Neither tenant is B2C or tenant doesn't have premium license",
            &[],
            Some(PremiumRequired),
        ),
        // Rights.
        (
            &get_user,
            401,
            "InvalidAuthenticationToken",
            "Access token is empty.",
            &[],
            Some(TokenRejected),
        ),
        (
            &get_user,
            401,
            "InvalidAuthenticationToken",
            "Lifetime validation failed, the token is expired.",
            &[],
            Some(TokenRejected),
        ),
        (
            &get_user,
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
            &[],
            Some(Forbidden),
        ),
        (
            &get_user,
            403,
            "accessDenied",
            "Request Authorization failed",
            &[],
            Some(Forbidden),
        ),
        (
            group_pim,
            403,
            "UnknownError",
            "{\"errorCode\":\"PermissionScopeNotGranted\",\"message\":\"Authorization failed\"}",
            &[],
            Some(Forbidden),
        ),
        (
            pim,
            401,
            "UnknownError",
            "Attempted to perform an unauthorized operation.",
            &[],
            Some(Forbidden),
        ),
        (
            &add_member,
            403,
            "Directory_QuotaExceeded",
            "Unable to perform operation as '121' would exceed the maximum quota count '100' for forward-link 'owners'.",
            &[],
            Some(QuotaExceeded),
        ),
        // Queries and pages.
        (
            "GET /users",
            400,
            "Request_UnsupportedQuery",
            "Unsupported Query.",
            &[],
            Some(UnsupportedQuery),
        ),
        (
            "GET /groups",
            400,
            "Request_UnsupportedQuery",
            "Unsupported sort property 'mail' for 'Group'.",
            &[],
            Some(UnsupportedQuery),
        ),
        (
            "GET /users/$count",
            400,
            BAD,
            "$count is not currently supported.",
            &[],
            Some(UnsupportedQuery),
        ),
        (
            &get_user,
            400,
            "ExpandNotSupported",
            "Expand is not allowed for property 'Photo' according to the entity schema.",
            &[],
            Some(UnsupportedQuery),
        ),
        (
            "GET /users",
            501,
            "NotImplemented",
            "This operation target is not yet supported.",
            &[],
            Some(UnsupportedQuery),
        ),
        (
            "POST /users",
            501,
            "NotImplemented",
            "This operation target is not yet supported.",
            &[],
            None,
        ),
        (
            "GET /users",
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your request.",
            &[],
            Some(PageTokenExpired),
        ),
        (
            "GET /users",
            400,
            "DirectoryPageTokenNotFoundException",
            "m",
            &[],
            Some(PageTokenLost),
        ),
        (
            "GET /users/delta",
            410,
            "resyncRequired",
            "m",
            &[],
            Some(ResyncRequired),
        ),
        (
            "GET /users/delta",
            400,
            "syncStateNotFound",
            "m",
            &[],
            Some(ResyncRequired),
        ),
        ("GET /users/delta", 410, "", "", &[], None),
        // Passes.
        (
            &patch_group,
            409,
            "Directory_ConcurrencyViolation",
            "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.",
            &[],
            Some(ConcurrentChange),
        ),
        (
            &patch_group,
            400,
            "Directory_ConcurrencyViolation",
            "",
            &[],
            Some(ConcurrentChange),
        ),
        (
            &get_user,
            429,
            "TooManyRequests",
            "Please retry again later.",
            &[],
            None,
        ),
        (
            &get_user,
            504,
            "GatewayTimeout",
            "The gateway did not receive a response from 'Microsoft.Authorization' within the specified time period.",
            &[],
            None,
        ),
    ];
    for (request, status, code, message, details, expected) in rows {
        assert_eq!(
            refusal(request, *status, code, message, details),
            *expected,
            "{request}: {status} {code} {message}"
        );
    }
}

/// An error that wraps another is no word of Graph's on the request.
#[test]
fn only_the_final_answer_has_a_meaning() {
    let asked = Asked {
        operation: "GET /users/{id}",
        path: "/users/1",
    };
    let body = json!({"error": {"code": GONE, "message": absent("1")}});
    let graph = from_answer(asked, 404, &body, None, None);
    assert_eq!(graph.refusal(), Some(Absent));
    let operation = graph.to_string();
    for error in [
        Error::Deadline {
            operation: operation.clone(),
            last: Some(Box::new(graph.clone())),
            retry_after: None,
        },
        Error::OutcomeUnknown {
            operation: operation.clone(),
            last: Box::new(graph.clone()),
        },
        Error::Blocked {
            operation,
            cause: std::sync::Arc::new(graph),
        },
    ] {
        assert_eq!(error.refusal(), None, "{error:?}");
    }
}
