"""Microsoft's Azure CLI, unmodified, against the simulator: it keeps Microsoft's addresses, and the
simulator is its proxy. SIM_READY is the simulator's ready line. Ends with 0 when everything is as with
the real services."""

import json
import os
import subprocess
import sys
import tempfile

READY = json.loads(os.environ["SIM_READY"])
AZ = os.environ.get("AZ", "az")
HOME = tempfile.TemporaryDirectory()
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", ""),
    "HOME": HOME.name,
    "AZURE_CONFIG_DIR": HOME.name,
    "AZURE_CORE_COLLECT_TELEMETRY": "false",
    "AZURE_CORE_CHECK_UPDATES": "false",
    "AZURE_CORE_ONLY_SHOW_ERRORS": "true",
    "HTTPS_PROXY": READY["proxy"],
    "REQUESTS_CA_BUNDLE": READY["certificate_authority"],
}
DOMAIN = "contoso.onmicrosoft.com"
made = {}


def run(*arguments):
    """What `az` prints as JSON, its exit code, and what it says went wrong."""
    done = subprocess.run(
        [AZ, *arguments, "--output", "json"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    text = done.stdout.strip()
    return (json.loads(text) if text else None), done.returncode, done.stderr


def az(*arguments):
    shown, code, error = run(*arguments)
    assert code == 0, f"az {' '.join(arguments)}: {error}"
    return shown


def signs_in():
    accounts = az(
        "login", "--service-principal", "-u", READY["client_id"],
        f"-p={READY['client_secret']}", "--tenant", READY["tenant_id"],
    )
    assert [account["name"] for account in accounts] == ["Contoso Production", "Contoso Development"]
    made["subscription"] = accounts[0]["id"]


def lists_locations_and_groups_of_resources():
    assert len(az("account", "list-locations")) == 3
    assert {group["name"] for group in az("group", "list")} == {"rg-identity", "rg-apps"}


def creates_and_changes_a_user():
    user = az(
        "ad", "user", "create", "--display-name", "CLI User", "--password", "xWwvJ]6NMw+bWH-d",
        "--user-principal-name", f"cli.user@{DOMAIN}",
    )
    made["user"] = user["id"]
    az("ad", "user", "update", "--id", user["id"], "--account-enabled", "false")
    assert az("ad", "user", "show", "--id", f"cli.user@{DOMAIN}")["id"] == user["id"]
    found = az("ad", "user", "list", "--display-name", "CLI")
    assert [one["id"] for one in found] == [user["id"]], found
    _, code, error = run(
        "ad", "user", "create", "--display-name", "Again", "--password", "xWwvJ]6NMw+bWH-d",
        "--user-principal-name", f"cli.user@{DOMAIN}",
    )
    assert code != 0 and "already exists" in error, error


def fills_a_group():
    group = az("ad", "group", "create", "--display-name", "CLI Group", "--mail-nickname", "cligroup")
    made["group"] = group["id"]
    member = ["--group", group["id"], "--member-id", made["user"]]
    az("ad", "group", "member", "add", *member)
    assert az("ad", "group", "member", "check", *member) == {"value": True}
    members = az("ad", "group", "member", "list", "--group", "CLI Group")
    assert [one["id"] for one in members] == [made["user"]]
    groups = az("ad", "user", "get-member-groups", "--id", made["user"])
    assert [one["id"] for one in groups] == [group["id"]], groups
    az("ad", "group", "owner", "add", "--group", group["id"], "--owner-object-id", made["user"])
    az("ad", "group", "member", "remove", *member)
    assert az("ad", "group", "member", "check", *member) == {"value": False}


def registers_an_application():
    app = az("ad", "app", "create", "--display-name", "CLI App")
    made["app"], made["app_id"] = app["id"], app["appId"]
    az("ad", "app", "update", "--id", app["id"], "--identifier-uris", f"api://{app['appId']}")
    shown = az("ad", "app", "show", "--id", app["appId"])
    assert shown["identifierUris"] == [f"api://{app['appId']}"]
    az("ad", "sp", "create", "--id", app["appId"])
    principal = az("ad", "sp", "show", "--id", app["appId"])
    made["principal"] = principal["id"]
    graph = az("ad", "sp", "show", "--id", "00000003-0000-0000-c000-000000000000")
    assert graph["displayName"] == "Microsoft Graph"


def resets_credentials_that_sign_in():
    secret = az("ad", "app", "credential", "reset", "--id", made["app"], "--append")
    az(
        "login", "--service-principal", "-u", made["app_id"], f"-p={secret['password']}",
        "--tenant", READY["tenant_id"], "--allow-no-subscriptions",
    )
    az("account", "set", "--subscription", made["subscription"])
    az(
        "login", "--service-principal", "-u", READY["client_id"],
        f"-p={READY['client_secret']}", "--tenant", READY["tenant_id"],
    )
    certificate = az("ad", "app", "credential", "reset", "--id", made["app"], "--create-cert", "--append")
    listed = az("ad", "app", "credential", "list", "--id", made["app"], "--cert")
    assert len(listed) == 1, listed
    az(
        "login", "--service-principal", "-u", made["app_id"], "--certificate",
        certificate["fileWithCertAndPrivateKey"], "--tenant", READY["tenant_id"],
        "--allow-no-subscriptions",
    )
    az(
        "login", "--service-principal", "-u", READY["client_id"],
        f"-p={READY['client_secret']}", "--tenant", READY["tenant_id"],
    )


def assigns_an_azure_role():
    scope = f"/subscriptions/{made['subscription']}/resourceGroups/rg-apps"
    assignment = az(
        "role", "assignment", "create", "--role", "Reader", "--scope", scope,
        "--assignee-object-id", made["user"], "--assignee-principal-type", "User",
    )
    listed = az("role", "assignment", "list", "--assignee", made["user"], "--scope", scope)
    assert [one["name"] for one in listed] == [assignment["name"]], listed
    assert listed[0]["roleDefinitionName"] == "Reader"
    az("role", "assignment", "delete", "--ids", assignment["id"])
    assert az("role", "assignment", "list", "--assignee", made["user"], "--scope", scope) == []


def deletes_what_it_made():
    az("ad", "sp", "delete", "--id", made["principal"])
    az("ad", "app", "delete", "--id", made["app"])
    az("ad", "group", "delete", "--group", made["group"])
    az("ad", "user", "delete", "--id", made["user"])
    _, code, error = run("ad", "user", "show", "--id", made["user"])
    assert code == 3 and "does not exist" in error, (code, error)


STEPS = [
    signs_in,
    lists_locations_and_groups_of_resources,
    creates_and_changes_a_user,
    fills_a_group,
    registers_an_application,
    resets_credentials_that_sign_in,
    assigns_an_azure_role,
    deletes_what_it_made,
]

for step in STEPS:
    step()
    print(f"ok    {step.__name__}", flush=True)
sys.exit(0)
