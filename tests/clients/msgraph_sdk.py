"""Microsoft's Graph SDK for Python with azure-identity, unmodified, against the simulator: they keep
Microsoft's addresses, and the simulator is their proxy. SIM_READY is the simulator's ready line. Ends
with 0 when everything is as with the real service."""

import asyncio
import json
import os

READY = json.loads(os.environ["SIM_READY"])
os.environ["HTTPS_PROXY"] = READY["proxy"]
os.environ["SSL_CERT_FILE"] = READY["certificate_authority"]
os.environ["REQUESTS_CA_BUNDLE"] = READY["certificate_authority"]

from azure.identity import ClientSecretCredential  # noqa: E402
from kiota_abstractions.base_request_configuration import RequestConfiguration  # noqa: E402
from msgraph import GraphServiceClient  # noqa: E402
from msgraph.generated.models.group import Group  # noqa: E402
from msgraph.generated.models.o_data_errors.o_data_error import ODataError  # noqa: E402
from msgraph.generated.models.password_profile import PasswordProfile  # noqa: E402
from msgraph.generated.models.reference_create import ReferenceCreate  # noqa: E402
from msgraph.generated.models.user import User  # noqa: E402
from msgraph.generated.users.users_request_builder import UsersRequestBuilder  # noqa: E402
from msgraph_core.tasks.page_iterator import PageIterator  # noqa: E402

CLIENT = GraphServiceClient(
    ClientSecretCredential(READY["tenant_id"], READY["client_id"], READY["client_secret"]),
    ["https://graph.microsoft.com/.default"],
)
DOMAIN = "contoso.onmicrosoft.com"
made = {}


def reference(identifier):
    return ReferenceCreate(
        odata_id=f"https://graph.microsoft.com/v1.0/directoryObjects/{identifier}"
    )


async def refused(call, status):
    try:
        await call
    except ODataError as error:
        assert error.response_status_code == status, error
        return error.error
    raise AssertionError("the call was not refused")


async def reads_the_organisation():
    found = await CLIENT.organization.get()
    assert [one.id for one in found.value] == [READY["tenant_id"]]
    assert found.value[0].verified_domains


async def pages_through_users():
    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
        select=["id", "displayName"], top=30
    )
    first = await CLIENT.users.get(RequestConfiguration(query_parameters=query))
    assert len(first.value) == 30
    seen = []

    def take(user):
        seen.append(user.id)
        return True

    await PageIterator(first, CLIENT.request_adapter).iterate(take)
    assert len(seen) == len(set(seen)) > 190, len(seen)


async def asks_advanced_queries():
    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
        filter="NOT(startswith(displayName,'A'))", count=True, top=5, orderby=["displayName"]
    )
    configuration = RequestConfiguration(query_parameters=query)
    configuration.headers.add("ConsistencyLevel", "eventual")
    found = await CLIENT.users.get(configuration)
    assert found.odata_count > 100 and len(found.value) == 5


async def creates_a_user():
    user = await CLIENT.users.post(
        User(
            account_enabled=True,
            display_name="SDK Python",
            mail_nickname="sdk.python",
            user_principal_name=f"sdk.python@{DOMAIN}",
            password_profile=PasswordProfile(password="xWwvJ]6NMw+bWH-d"),
        )
    )
    made["user"] = user.id
    await CLIENT.users.by_user_id(user.id).patch(User(job_title="Tester"))
    found = await CLIENT.users.get()
    manager = next(one.id for one in found.value if one.id != user.id)
    await CLIENT.users.by_user_id(user.id).manager.ref.put(
        ReferenceCreate(odata_id=f"https://graph.microsoft.com/v1.0/users/{manager}")
    )
    assert (await CLIENT.users.by_user_id(user.id).manager.get()).id == manager


async def fills_a_group():
    group = await CLIENT.groups.post(
        Group(
            display_name="SDK Python",
            mail_nickname="sdkpython",
            mail_enabled=False,
            security_enabled=True,
        )
    )
    made["group"] = group.id
    one = CLIENT.groups.by_group_id(group.id)
    await one.members.ref.post(reference(made["user"]))
    error = await refused(one.members.ref.post(reference(made["user"])), 400)
    assert "already exist" in error.message
    # The generated path is `members/graph.user`.
    users = await one.members.graph_user.get()
    assert [user.id for user in users.value] == [made["user"]]
    assert users.value[0].job_title == "Tester" or users.value[0].display_name == "SDK Python"
    groups = await CLIENT.users.by_user_id(made["user"]).member_of.graph_group.get()
    assert [one.id for one in groups.value] == [group.id]


async def reads_applications_and_roles():
    principals = await CLIENT.service_principals.get()
    assert any(one.display_name == "Microsoft Graph" for one in principals.value)
    roles = await CLIENT.role_management.directory.role_assignments.get()
    assert roles.value
    skus = await CLIENT.subscribed_skus.get()
    assert skus.value
    units = await CLIENT.directory.administrative_units.get()
    assert units.value


async def tells_errors_apart():
    missing = CLIENT.users.by_user_id("00000000-0000-4000-8000-000000000000")
    error = await refused(missing.get(), 404)
    assert error.code == "Request_ResourceNotFound", error


async def deletes_and_restores():
    await CLIENT.groups.by_group_id(made["group"]).delete()
    user = CLIENT.users.by_user_id(made["user"])
    await user.delete()
    await refused(user.get(), 404)
    binned = await CLIENT.directory.deleted_items.graph_user.get()
    assert made["user"] in [one.id for one in binned.value]
    await CLIENT.directory.deleted_items.by_directory_object_id(made["user"]).delete()


STEPS = [
    reads_the_organisation,
    pages_through_users,
    asks_advanced_queries,
    creates_a_user,
    fills_a_group,
    reads_applications_and_roles,
    tells_errors_apart,
    deletes_and_restores,
]


async def main():
    for step in STEPS:
        await step()
        print(f"ok    {step.__name__}", flush=True)


asyncio.run(main())
