//! Which application permissions each operation accepts.
//!
//! Source: [Graph permissions reference](https://learn.microsoft.com/graph/permissions-reference),
//! dataset microsoftgraph/microsoft-graph-devx-content, August 2026.

/// Method, path below the version with `{}` for any key, permissions of which one is enough
/// (`A+B` needs both). `$ref`, `$value`, `$count` and type-cast segments are left out.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, &str, &str)] = &[
    // Users
    ("GET", "users", USER_READ),
    ("GET", "users/{}", USER_READ),
    ("POST", "users", "User.ReadWrite.All Directory.ReadWrite.All"),
    ("DELETE", "users/{}", "User.DeleteRestore.All User.ReadWrite.All User.ReadWrite.CrossCloud"),
    ("GET", "users/delta", USER_READ_ALL),
    ("GET", "users/{}/manager", USER_READ_ALL),
    ("PUT", "users/{}/manager", "User.ReadWrite.All Directory.ReadWrite.All"),
    ("DELETE", "users/{}/manager", "User.ReadWrite.All Directory.ReadWrite.All"),
    ("GET", "users/{}/directReports", USER_READ_ALL),
    ("POST", "users/{}/revokeSignInSessions", "User.RevokeSessions.All Directory.ReadWrite.All User.ReadWrite.All"),
    ("GET", "users/{}/photo", PHOTO_READ),
    ("GET", "users/{}/photos", PHOTO_READ),
    ("GET", "users/{}/photos/{}", PHOTO_READ),
    ("PUT", "users/{}/photo", "ProfilePhoto.ReadWrite.All User.ReadWrite.All"),
    ("PATCH", "users/{}/photo", "ProfilePhoto.ReadWrite.All User.ReadWrite.All"),
    ("DELETE", "users/{}/photo", "ProfilePhoto.ReadWrite.All User.ReadWrite.All"),
    ("GET", "users/{}/memberOf", "Directory.Read.All Group.ReadBasic.All GroupMember.ReadBasic.All Directory.ReadWrite.All Group.Read.All GroupMember.Read.All"),
    ("GET", "users/{}/transitiveMemberOf", "User.Read.All Directory.Read.All Group.Read.All Group.ReadBasic.All GroupMember.Read.All GroupMember.ReadBasic.All Directory.ReadWrite.All User.ReadWrite.All"),
    ("POST", "users/{}/checkMemberGroups", MEMBERSHIP_CHECK),
    ("POST", "users/{}/checkMemberObjects", MEMBERSHIP_CHECK),
    ("POST", "users/{}/getMemberGroups", MEMBERSHIP_CHECK),
    ("POST", "users/{}/getMemberObjects", MEMBERSHIP_CHECK),
    ("GET", "users/{}/ownedObjects", USER_READ_ALL),
    ("GET", "users/{}/authentication/methods", "UserAuthenticationMethod.Read.All UserAuthenticationMethod.ReadWrite.All"),
    ("GET", "users/{}/appRoleAssignments", "AppRoleAssignment.ReadWrite.All Directory.Read.All Directory.ReadWrite.All"),
    ("POST", "users/{}/appRoleAssignments", "AppRoleAssignment.ReadWrite.All"),
    ("DELETE", "users/{}/appRoleAssignments/{}", "AppRoleAssignment.ReadWrite.All"),
    ("POST", "invitations", "User.Invite.All Directory.ReadWrite.All User.ReadWrite.All"),
    ("GET", "auditLogs/signIns", "AuditLog.Read.All"),
    // Licences
    ("GET", "subscribedSkus", SKU_READ),
    ("GET", "subscribedSkus/{}", SKU_READ),
    ("GET", "users/{}/licenseDetails", "LicenseAssignment.Read.All LicenseAssignment.ReadWrite.All Directory.Read.All User.Read.All Directory.ReadWrite.All User.ReadWrite.All"),
    ("POST", "users/{}/assignLicense", "LicenseAssignment.ReadWrite.All Directory.ReadWrite.All User.ReadWrite.All"),
    ("POST", "users/{}/reprocessLicenseAssignment", "User.ReadWrite.All Directory.ReadWrite.All"),
    ("POST", "groups/{}/assignLicense", "LicenseAssignment.ReadWrite.All Directory.ReadWrite.All Group.ReadWrite.All"),
    // Mailbox settings
    ("GET", "users/{}/mailboxSettings", "MailboxSettings.Read MailboxSettings.ReadWrite"),
    ("PATCH", "users/{}/mailboxSettings", "MailboxSettings.ReadWrite"),
    // Groups
    ("GET", "groups", GROUP_READ),
    ("GET", "groups/{}", GROUP_READ),
    ("POST", "groups", "Group.Create Directory.ReadWrite.All Group.ReadWrite.All"),
    ("DELETE", "groups/{}", "Group.ReadWrite.All"),
    ("GET", "groups/delta", GROUP_READ),
    ("GET", "groups/{}/members", MEMBER_READ),
    ("GET", "groups/{}/transitiveMembers", MEMBER_READ),
    ("POST", "groups/{}/members", MEMBER_WRITE),
    ("DELETE", "groups/{}/members/{}", MEMBER_WRITE),
    ("GET", "groups/{}/owners", "GroupMember.Read.All Directory.Read.All Group.Read.All GroupMember.ReadWrite.All Group.ReadWrite.All Directory.ReadWrite.All"),
    ("POST", "groups/{}/owners", "Group.ReadWrite.All Directory.ReadWrite.All"),
    ("DELETE", "groups/{}/owners/{}", "Group.ReadWrite.All Directory.ReadWrite.All"),
    ("GET", "groups/{}/memberOf", MEMBER_READ),
    ("GET", "groups/{}/transitiveMemberOf", MEMBER_READ),
    ("POST", "groups/{}/checkMemberGroups", MEMBERSHIP_CHECK),
    ("POST", "groups/{}/checkMemberObjects", MEMBERSHIP_CHECK),
    ("POST", "groups/{}/getMemberGroups", MEMBERSHIP_CHECK),
    ("POST", "groups/{}/getMemberObjects", MEMBERSHIP_CHECK),
    ("GET", "groups/{}/appRoleAssignments", "AppRoleAssignment.ReadWrite.All Directory.Read.All Directory.ReadWrite.All"),
    ("POST", "groups/{}/appRoleAssignments", "AppRoleAssignment.ReadWrite.All"),
    ("DELETE", "groups/{}/appRoleAssignments/{}", "AppRoleAssignment.ReadWrite.All"),
    // Teams
    ("PUT", "groups/{}/team", "Group.ReadWrite.All Directory.ReadWrite.All"),
    ("GET", "groups/{}/team", "Group.Read.All Group.ReadWrite.All Directory.Read.All Directory.ReadWrite.All"),
    ("POST", "teams", "Team.Create Teamwork.Migrate.All Directory.ReadWrite.All Group.ReadWrite.All"),
    ("GET", "teams/{}", "Team.ReadBasic.All TeamSettings.Read.All TeamSettings.ReadWrite.All Group.Read.All Group.ReadWrite.All Directory.Read.All Directory.ReadWrite.All"),
    ("GET", "teams/{}/members", "TeamMember.Read.All TeamMember.ReadWrite.All"),
    ("POST", "teams/{}/members", TEAM_MEMBER_WRITE),
    ("PATCH", "teams/{}/members/{}", TEAM_MEMBER_WRITE),
    ("DELETE", "teams/{}/members/{}", TEAM_MEMBER_WRITE),
    ("POST", "teams/{}/members/add", TEAM_MEMBER_WRITE),
    // Roles and PIM
    ("GET", "directoryRoles", ROLE_READ),
    ("GET", "directoryRoles/{}", ROLE_READ),
    ("GET", "directoryRoleTemplates", ROLE_READ),
    ("GET", "directoryRoles/{}/members", ROLE_READ),
    ("GET", "directoryRoles/delta", ROLE_READ),
    ("POST", "directoryRoles", "RoleManagement.ReadWrite.Directory"),
    ("POST", "directoryRoles/{}/members", "RoleManagement.ReadWrite.Directory"),
    ("DELETE", "directoryRoles/{}/members/{}", "RoleManagement.ReadWrite.Directory"),
    ("GET", "roleManagement/directory/roleDefinitions", ROLE_MANAGEMENT_READ),
    ("GET", "roleManagement/directory/roleDefinitions/{}", ROLE_MANAGEMENT_READ),
    ("POST", "roleManagement/directory/roleDefinitions", "RoleManagement.ReadWrite.Directory Directory.ReadWrite.All"),
    ("PATCH", "roleManagement/directory/roleDefinitions/{}", "RoleManagement.ReadWrite.Directory Directory.ReadWrite.All"),
    ("DELETE", "roleManagement/directory/roleDefinitions/{}", "RoleManagement.ReadWrite.Directory Directory.ReadWrite.All"),
    ("GET", "roleManagement/directory/roleAssignments", ROLE_MANAGEMENT_READ),
    ("GET", "roleManagement/directory/roleAssignments/{}", ROLE_MANAGEMENT_READ),
    ("POST", "roleManagement/directory/roleAssignments", "RoleManagement.ReadWrite.Directory"),
    ("DELETE", "roleManagement/directory/roleAssignments/{}", "RoleManagement.ReadWrite.Directory"),
    ("GET", "roleManagement/directory/roleAssignmentSchedules", ASSIGNMENT_SCHEDULE_READ),
    ("GET", "roleManagement/directory/roleAssignmentSchedules/{}", ASSIGNMENT_SCHEDULE_READ),
    ("GET", "roleManagement/directory/roleAssignmentScheduleInstances", ASSIGNMENT_SCHEDULE_READ),
    ("GET", "roleManagement/directory/roleAssignmentScheduleInstances/{}", ASSIGNMENT_SCHEDULE_READ),
    ("POST", "roleManagement/directory/roleAssignmentScheduleRequests", "RoleAssignmentSchedule.ReadWrite.Directory RoleAssignmentSchedule.Remove.Directory"),
    ("GET", "roleManagement/directory/roleAssignmentScheduleRequests", "RoleAssignmentSchedule.ReadWrite.Directory"),
    ("GET", "roleManagement/directory/roleAssignmentScheduleRequests/{}", "RoleAssignmentSchedule.ReadWrite.Directory"),
    ("GET", "roleManagement/directory/roleEligibilitySchedules", ELIGIBILITY_SCHEDULE_READ),
    ("GET", "roleManagement/directory/roleEligibilitySchedules/{}", ELIGIBILITY_SCHEDULE_READ),
    ("GET", "roleManagement/directory/roleEligibilityScheduleInstances", ELIGIBILITY_SCHEDULE_READ),
    ("GET", "roleManagement/directory/roleEligibilityScheduleInstances/{}", ELIGIBILITY_SCHEDULE_READ),
    ("POST", "roleManagement/directory/roleEligibilityScheduleRequests", "RoleEligibilitySchedule.ReadWrite.Directory"),
    ("GET", "roleManagement/directory/roleEligibilityScheduleRequests", "RoleEligibilitySchedule.ReadWrite.Directory"),
    ("GET", "roleManagement/directory/roleEligibilityScheduleRequests/{}", "RoleEligibilitySchedule.ReadWrite.Directory"),
    ("GET", "policies/roleManagementPolicies", "RoleManagement.Read.Directory RoleManagement.Read.All RoleManagement.ReadWrite.Directory"),
    // Applications and service principals
    ("GET", "applications", APPLICATION_READ),
    ("GET", "applications/{}", APPLICATION_READ),
    ("GET", "applications/delta", APPLICATION_READ),
    ("POST", "applications", "Application.ReadWrite.OwnedBy AppRegistration.Create Application.ReadWrite.All"),
    ("PATCH", "applications/{}", "Application.ReadWrite.OwnedBy Application.ReadWrite.All"),
    ("DELETE", "applications/{}", "Application.ReadWrite.OwnedBy Application.ReadWrite.All"),
    ("POST", "applications/{}/addPassword", APPLICATION_WRITE),
    ("POST", "applications/{}/removePassword", APPLICATION_WRITE),
    ("POST", "applications/{}/addKey", APPLICATION_WRITE),
    ("POST", "applications/{}/removeKey", APPLICATION_WRITE),
    ("GET", "applications/{}/owners", APPLICATION_READ),
    ("POST", "applications/{}/owners", "Application.ReadWrite.OwnedBy+Directory.Read.All Application.ReadWrite.All+Directory.Read.All Directory.ReadWrite.All"),
    ("DELETE", "applications/{}/owners/{}", "Application.ReadWrite.OwnedBy+Directory.Read.All Application.ReadWrite.All+Directory.Read.All Directory.ReadWrite.All"),
    ("POST", "applicationTemplates/{}/instantiate", APPLICATION_WRITE),
    ("GET", "servicePrincipals", APPLICATION_READ),
    ("GET", "servicePrincipals/{}", APPLICATION_READ),
    ("GET", "servicePrincipals/delta", APPLICATION_READ),
    ("GET", "servicePrincipals/{}/owners", APPLICATION_READ),
    ("POST", "servicePrincipals", APPLICATION_WRITE),
    ("PATCH", "servicePrincipals/{}", APPLICATION_WRITE),
    ("DELETE", "servicePrincipals/{}", APPLICATION_WRITE),
    ("POST", "servicePrincipals/{}/addPassword", APPLICATION_WRITE),
    ("POST", "servicePrincipals/{}/removePassword", APPLICATION_WRITE),
    ("POST", "servicePrincipals/{}/addTokenSigningCertificate", APPLICATION_WRITE),
    ("GET", "servicePrincipals/{}/appRoleAssignedTo", APPLICATION_READ),
    ("POST", "servicePrincipals/{}/appRoleAssignedTo", APP_ROLE_GRANT),
    ("DELETE", "servicePrincipals/{}/appRoleAssignedTo/{}", "AppRoleAssignment.ReadWrite.All Application.ReadWrite.All"),
    ("GET", "servicePrincipals/{}/appRoleAssignments", APPLICATION_READ),
    ("POST", "servicePrincipals/{}/appRoleAssignments", APP_ROLE_GRANT),
    ("DELETE", "servicePrincipals/{}/appRoleAssignments/{}", "AppRoleAssignment.ReadWrite.All Application.ReadWrite.All"),
    ("GET", "servicePrincipals/{}/memberOf", "Application.Read.All Directory.Read.All Application.ReadWrite.All Directory.ReadWrite.All"),
    ("GET", "servicePrincipals/{}/transitiveMemberOf", "Application.Read.All Directory.Read.All Application.ReadWrite.All Directory.ReadWrite.All"),
    ("GET", "oauth2PermissionGrants", GRANT_READ),
    ("GET", "oauth2PermissionGrants/{}", GRANT_READ),
    ("GET", "oauth2PermissionGrants/delta", GRANT_READ),
    ("POST", "oauth2PermissionGrants", "DelegatedPermissionGrant.ReadWrite.All Directory.ReadWrite.All"),
    ("PATCH", "oauth2PermissionGrants/{}", "DelegatedPermissionGrant.ReadWrite.All Directory.ReadWrite.All"),
    ("DELETE", "oauth2PermissionGrants/{}", "DelegatedPermissionGrant.ReadWrite.All Directory.ReadWrite.All"),
    // Administrative units
    ("GET", "directory/administrativeUnits", UNIT_READ),
    ("GET", "directory/administrativeUnits/{}", UNIT_READ),
    ("GET", "directory/administrativeUnits/{}/members", UNIT_READ),
    ("GET", "directory/administrativeUnits/delta", UNIT_READ),
    ("POST", "directory/administrativeUnits", "AdministrativeUnit.ReadWrite.All"),
    ("PATCH", "directory/administrativeUnits/{}", "AdministrativeUnit.ReadWrite.All"),
    ("DELETE", "directory/administrativeUnits/{}", "AdministrativeUnit.ReadWrite.All"),
    ("POST", "directory/administrativeUnits/{}/members", "AdministrativeUnit.ReadWrite.All Directory.ReadWrite.All"),
    ("DELETE", "directory/administrativeUnits/{}/members/{}", "AdministrativeUnit.ReadWrite.All Directory.ReadWrite.All"),
    // Tenant and misc
    ("POST", "directoryObjects/getByIds", DIRECTORY_READ),
    ("POST", "directoryObjects/validateProperties", DIRECTORY_READ),
    ("GET", "directoryObjects/{}", DIRECTORY_READ),
    ("POST", "directoryObjects/{}/checkMemberGroups", MEMBERSHIP_CHECK),
    ("POST", "directoryObjects/{}/checkMemberObjects", MEMBERSHIP_CHECK),
    ("POST", "directoryObjects/{}/getMemberGroups", MEMBERSHIP_CHECK),
    ("POST", "directoryObjects/{}/getMemberObjects", MEMBERSHIP_CHECK),
    ("GET", "domains", DOMAIN_READ),
    ("GET", "domains/{}", DOMAIN_READ),
    ("GET", "organization", ORGANIZATION_READ),
    ("GET", "organization/{}", ORGANIZATION_READ),
    ("GET", "contacts", "OrgContact.Read.All Directory.Read.All Directory.ReadWrite.All"),
    ("GET", "devices", "Device.Read.All Directory.Read.All Device.ReadWrite.All Directory.ReadWrite.All"),
];

/// Deleted items by the type that is listed or restored: read, then restore and purge.
#[rustfmt::skip]
pub(super) const DELETED_ROWS: &[(&str, &str, &str)] = &[
    ("user", "User.Read.All User.ReadWrite.All User.DeleteRestore.All Directory.Read.All Directory.ReadWrite.All", "User.DeleteRestore.All User.ReadWrite.CrossCloud User.ReadWrite.All"),
    ("group", "Group.Read.All Group.ReadWrite.All Directory.Read.All Directory.ReadWrite.All", "Group.ReadWrite.All"),
    ("application", "Application.Read.All Application.ReadWrite.All Application.ReadWrite.OwnedBy Directory.Read.All Directory.ReadWrite.All", "Application.ReadWrite.All Application.ReadWrite.OwnedBy"),
    ("servicePrincipal", "Application.Read.All Application.ReadWrite.All Application.ReadWrite.OwnedBy Directory.Read.All Directory.ReadWrite.All", "Application.ReadWrite.All Application.ReadWrite.OwnedBy"),
    ("administrativeUnit", "AdministrativeUnit.Read.All AdministrativeUnit.ReadWrite.All Directory.Read.All", "AdministrativeUnit.ReadWrite.All"),
];

const USER_READ: &str = "User.ReadBasic.All Directory.Read.All User.Read.All User.ReadWrite.All User.ReadWrite.CrossCloud Directory.ReadWrite.All";
const USER_READ_ALL: &str =
    "User.Read.All Directory.Read.All Directory.ReadWrite.All User.ReadWrite.All";
const PHOTO_READ: &str = "ProfilePhoto.Read.All ProfilePhoto.ReadWrite.All User.Read.All User.ReadBasic.All User.ReadWrite.All User.ReadWrite.CrossCloud";
const SKU_READ: &str = "LicenseAssignment.Read.All LicenseAssignment.ReadWrite.All Directory.Read.All Organization.Read.All Directory.ReadWrite.All Organization.ReadWrite.All";
const GROUP_READ: &str = "Group.ReadBasic.All Directory.Read.All Group.Read.All GroupMember.Read.All GroupMember.ReadWrite.All Group.ReadWrite.All Directory.ReadWrite.All Group-PreferredDataLocation.ReadWrite.All Group.ManageProtection.All";
const MEMBER_READ: &str = "GroupMember.ReadBasic.All Directory.Read.All Group.Read.All Group.ReadBasic.All GroupMember.Read.All GroupMember.ReadWrite.All Group.ReadWrite.All Directory.ReadWrite.All";
/// Enough to change the members of a group.
pub(super) const MEMBER_WRITE: &str =
    "GroupMember.ReadWrite.All Directory.ReadWrite.All Group.ReadWrite.All";
const MEMBERSHIP_CHECK: &str = "GroupMember.ReadBasic.All GroupMember.Read.All GroupMember.ReadWrite.All Group.Read.All Group.ReadWrite.All Directory.Read.All Directory.ReadWrite.All User.Read.All User.ReadWrite.All";
const TEAM_MEMBER_WRITE: &str = "TeamMember.ReadWriteNonOwnerRole.All TeamMember.ReadWrite.All";
const ROLE_READ: &str = "RoleManagement.Read.Directory Directory.Read.All Directory.ReadWrite.All RoleManagement.ReadWrite.Directory";
const ROLE_MANAGEMENT_READ: &str = "RoleManagement.Read.Directory Directory.Read.All RoleManagement.Read.All RoleManagement.ReadWrite.Directory Directory.ReadWrite.All";
const ASSIGNMENT_SCHEDULE_READ: &str = "RoleAssignmentSchedule.Read.Directory RoleAssignmentSchedule.ReadWrite.Directory RoleManagement.Read.All RoleManagement.Read.Directory RoleManagement.ReadWrite.Directory";
const ELIGIBILITY_SCHEDULE_READ: &str = "RoleEligibilitySchedule.Read.Directory RoleEligibilitySchedule.ReadWrite.Directory RoleManagement.Read.All RoleManagement.Read.Directory RoleManagement.ReadWrite.Directory";
const APPLICATION_READ: &str = "Application.Read.All Application.ReadWrite.OwnedBy Directory.Read.All Application.ReadWrite.All Directory.ReadWrite.All";
const APPLICATION_WRITE: &str =
    "Application.ReadWrite.OwnedBy Application.ReadWrite.All Directory.ReadWrite.All";
const APP_ROLE_GRANT: &str = "AppRoleAssignment.ReadWrite.All+Application.Read.All AppRoleAssignment.ReadWrite.All+Application.ReadWrite.All AppRoleAssignment.ReadWrite.All+Directory.Read.All";
const GRANT_READ: &str =
    "Directory.Read.All DelegatedPermissionGrant.ReadWrite.All Directory.ReadWrite.All";
const UNIT_READ: &str = "AdministrativeUnit.Read.All AdministrativeUnit.ReadWrite.All Directory.Read.All Directory.ReadWrite.All";
const DIRECTORY_READ: &str = "Directory.Read.All Directory.ReadWrite.All";
const DOMAIN_READ: &str =
    "Domain.Read.All Domain.ReadWrite.All Directory.Read.All Directory.ReadWrite.All";
const ORGANIZATION_READ: &str = "Organization.Read.All Directory.Read.All Organization.ReadWrite.All Directory.ReadWrite.All User.Read.All";
