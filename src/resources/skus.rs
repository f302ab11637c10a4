//! Names of well-known licence SKUs.
//!
//! Source: "Product names and service plan identifiers for licensing", Microsoft Learn.

/// (SKU id, part number, product name)
const SKUS: &[(&str, &str, &str)] = &[
    (
        "05e9a617-0261-4cee-bb44-138d3ef5d965",
        "SPE_E3",
        "Microsoft 365 E3",
    ),
    (
        "06ebc4ee-1bb5-47dd-8120-11324bc54e06",
        "SPE_E5",
        "Microsoft 365 E5",
    ),
    (
        "cd2925a3-5076-4233-8931-638a8c94f773",
        "SPE_E5_NOPSTNCONF",
        "Microsoft 365 E5 without Audio Conferencing",
    ),
    (
        "66b55226-6b4f-492c-910c-a3b7a3c9d993",
        "SPE_F1",
        "Microsoft 365 F3",
    ),
    (
        "67ffe999-d9ca-49e1-9d2c-03fb28aa7a48",
        "SPE_F5_SEC",
        "Microsoft 365 F5 Security Add-on",
    ),
    (
        "91de26be-adfa-4a3d-989e-9131cc23dda7",
        "SPE_F5_COMP",
        "Microsoft 365 F5 Compliance Add-on",
    ),
    (
        "32b47245-eb31-44fc-b945-a8b1576c439f",
        "SPE_F5_SECCOMP",
        "Microsoft 365 F5 Security + Compliance Add-on",
    ),
    (
        "44575883-256e-4a79-9da4-ebe9acabe2b2",
        "M365_F1",
        "Microsoft 365 F1",
    ),
    (
        "50f60901-3181-4b75-8a2c-4c8e4c1d5a72",
        "M365_F1_COMM",
        "Microsoft 365 F1",
    ),
    (
        "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46",
        "SPB",
        "Microsoft 365 Business Premium",
    ),
    (
        "3b555118-da6a-4418-894f-7df1e2096870",
        "O365_BUSINESS_ESSENTIALS",
        "Microsoft 365 Business Basic",
    ),
    (
        "f245ecc8-75af-4f8e-b61f-27d8114de5f3",
        "O365_BUSINESS_PREMIUM",
        "Microsoft 365 Business Standard",
    ),
    (
        "cdd28e44-67e3-425e-be4c-737fab2899d3",
        "O365_BUSINESS",
        "Microsoft 365 Apps for business",
    ),
    (
        "18181a46-0d4e-45cd-891e-60aabd171b4e",
        "STANDARDPACK",
        "Office 365 E1",
    ),
    (
        "6fd2c87f-b296-42f0-b197-1e91e994b900",
        "ENTERPRISEPACK",
        "Office 365 E3",
    ),
    (
        "c7df2760-2c81-4ef7-b578-5b5392b571df",
        "ENTERPRISEPREMIUM",
        "Office 365 E5",
    ),
    (
        "26d45bd9-adf1-46cd-a9e1-51e9a5524128",
        "ENTERPRISEPREMIUM_NOPSTNCONF",
        "Office 365 E5 without Audio Conferencing",
    ),
    (
        "4b585984-651b-448a-9e53-3b10f069cf7f",
        "DESKLESSPACK",
        "Office 365 F3",
    ),
    (
        "c42b9cae-ea4f-4ab7-9717-81576235ccac",
        "DEVELOPERPACK_E5",
        "Microsoft 365 E5 Developer (without Windows and Audio Conferencing)",
    ),
    (
        "c2273bd0-dff7-4215-9ef5-2c7bcfb06425",
        "OFFICESUBSCRIPTION",
        "Microsoft 365 Apps for enterprise",
    ),
    (
        "4b9405b0-7788-4568-add1-99614e613b69",
        "EXCHANGESTANDARD",
        "Exchange Online (Plan 1)",
    ),
    (
        "19ec0d23-8335-4cbd-94ac-6050e30712fa",
        "EXCHANGEENTERPRISE",
        "Exchange Online (Plan 2)",
    ),
    (
        "80b2d799-d2ba-4d2a-8842-fb0d0f3a4b82",
        "EXCHANGEDESKLESS",
        "Exchange Online Kiosk",
    ),
    (
        "ee02fd1b-340e-4a4b-b355-4a514e4c8943",
        "EXCHANGEARCHIVE_ADDON",
        "Exchange Online Archiving for Exchange Online",
    ),
    (
        "1fc08a02-8b3d-43b9-831e-f76859e04e1a",
        "SHAREPOINTSTANDARD",
        "SharePoint Online (Plan 1)",
    ),
    (
        "a9732ec9-17d9-494c-a51c-d6b45b384dcb",
        "SHAREPOINTENTERPRISE",
        "SharePoint Online (Plan 2)",
    ),
    (
        "e6778190-713e-4e4f-9119-8b8238de25df",
        "WACONEDRIVESTANDARD",
        "OneDrive for Business (Plan 1)",
    ),
    (
        "ed01faf2-1d88-4947-ae91-45ca18703a96",
        "WACONEDRIVEENTERPRISE",
        "OneDrive for Business (Plan 2)",
    ),
    (
        "078d2b04-f1bd-4111-bbd4-b4b1b354cef4",
        "AAD_PREMIUM",
        "Microsoft Entra ID P1",
    ),
    (
        "84a661c4-e949-4bd2-a560-ed7766fcaf2b",
        "AAD_PREMIUM_P2",
        "Microsoft Entra ID P2",
    ),
    (
        "cf6b0d46-4093-4546-a0ab-0b1546dcc10e",
        "Microsoft_Entra_ID_Governance",
        "Microsoft Entra ID Governance",
    ),
    (
        "efccb6f7-5641-4e0e-bd10-b4976e1bf68e",
        "EMS",
        "Enterprise Mobility + Security E3",
    ),
    (
        "b05e124f-c7cc-45a0-a6aa-8cf78c946968",
        "EMSPREMIUM",
        "Enterprise Mobility + Security E5",
    ),
    (
        "061f9ace-7d42-4136-88ac-31dc755f143f",
        "INTUNE_A",
        "Microsoft Intune Plan 1",
    ),
    (
        "4ef96642-f096-40de-a3e9-d83fb2f90211",
        "ATP_ENTERPRISE",
        "Microsoft Defender for Office 365 (Plan 1)",
    ),
    (
        "3dd6cf57-d688-4eed-ba52-9e40b5468c3e",
        "THREAT_INTELLIGENCE",
        "Microsoft Defender for Office 365 (Plan 2)",
    ),
    (
        "111046dd-295b-4d6d-9724-d52ac90bd1f2",
        "WIN_DEF_ATP",
        "Microsoft Defender for Endpoint Plan 2",
    ),
    (
        "26124093-3d78-432b-b5dc-48bf992543d5",
        "IDENTITY_THREAT_PROTECTION",
        "Microsoft 365 E5 Security",
    ),
    (
        "184efa21-98c3-4e5d-95ab-d07053a96e67",
        "INFORMATION_PROTECTION_COMPLIANCE",
        "Microsoft 365 E5 Compliance",
    ),
    (
        "c52ea49f-fe5d-4e95-93ba-1de91d380f89",
        "RIGHTSMANAGEMENT",
        "Azure Information Protection Plan 1",
    ),
    (
        "639dec6b-bb19-468b-871c-c5c441c4b0cb",
        "Microsoft_365_Copilot",
        "Microsoft 365 Copilot",
    ),
    (
        "a403ebcc-fae0-4ca2-8c8c-7a907fd6c235",
        "POWER_BI_STANDARD",
        "Microsoft Fabric (Free)",
    ),
    (
        "f8a1db68-be16-40ed-86d5-cb42ce701560",
        "POWER_BI_PRO",
        "Power BI Pro",
    ),
    (
        "c1d032e0-5619-4761-9b5c-75b6831e1711",
        "PBI_PREMIUM_PER_USER",
        "Power BI Premium Per User",
    ),
    (
        "f30db892-07e9-47e9-837c-80727f46fd3d",
        "FLOW_FREE",
        "Microsoft Power Automate Free",
    ),
    (
        "5b631642-bd26-49fe-bd20-1daaa972ef80",
        "POWERAPPS_DEV",
        "Microsoft Power Apps for Developer",
    ),
    (
        "c5928f49-12ba-48f7-ada3-0d743a3601d5",
        "VISIOCLIENT",
        "Visio Plan 2",
    ),
    (
        "4b244418-9658-4451-a2b8-b5e2b364e9bd",
        "VISIOONLINE_PLAN1",
        "Visio Plan 1",
    ),
    (
        "53818b1b-4a27-454b-8896-0dba576410e6",
        "PROJECTPROFESSIONAL",
        "Planner and Project Plan 3",
    ),
    (
        "beb6439c-caad-48d3-bf46-0c82871e12be",
        "PROJECT_P1",
        "Planner Plan 1",
    ),
    (
        "e43b5b99-8dfb-405f-9987-dc307f34bcbd",
        "MCOEV",
        "Microsoft Teams Phone Standard",
    ),
    (
        "0c266dff-15dd-4b49-8397-2bb16070ed52",
        "MCOMEETADV",
        "Microsoft 365 Audio Conferencing",
    ),
    (
        "710779e8-3d4a-4c88-adb9-386c958d1fdf",
        "TEAMS_EXPLORATORY",
        "Microsoft Teams Exploratory",
    ),
    (
        "4b590615-0888-425a-a965-b3bf7789848d",
        "M365EDU_A3_FACULTY",
        "Microsoft 365 A3 for faculty",
    ),
    (
        "7cfd9a2b-e110-4c39-bf20-c6a3f36a3121",
        "M365EDU_A3_STUDENT",
        "Microsoft 365 A3 for students",
    ),
    (
        "e97c048c-37a4-45fb-ab50-922fbf07a370",
        "M365EDU_A5_FACULTY",
        "Microsoft 365 A5 for faculty",
    ),
    (
        "94763226-9b3c-4e75-a931-5c89701abe66",
        "STANDARDWOFFPACK_FACULTY",
        "Office 365 A1 for faculty",
    ),
    (
        "314c4481-f395-4525-be8b-2ec4bb1e9d91",
        "STANDARDWOFFPACK_STUDENT",
        "Office 365 A1 for students",
    ),
    (
        "cb10e6cd-9da4-4992-867b-67546b1db821",
        "WIN10_PRO_ENT_SUB",
        "Windows 10/11 Enterprise E3",
    ),
    (
        "488ba24a-39a9-4473-8ee5-19291e71b002",
        "WIN10_VDA_E5",
        "Windows 10/11 Enterprise E5",
    ),
];

/// The product name of a SKU id, in any case.
pub fn friendly_name(sku_id: &str) -> Option<&'static str> {
    SKUS.iter()
        .find(|(id, ..)| id.eq_ignore_ascii_case(sku_id))
        .map(|(.., name)| *name)
}

/// The SKU id of a part number, in any case.
pub fn by_part_number(part_number: &str) -> Option<&'static str> {
    SKUS.iter()
        .find(|(_, part, _)| part.eq_ignore_ascii_case(part_number))
        .map(|(id, ..)| *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed() {
        let mut ids = std::collections::HashSet::new();
        let mut parts = std::collections::HashSet::new();
        for (id, part, name) in SKUS {
            assert!(
                super::super::is_object_id(id) && *id == id.to_lowercase(),
                "{id}"
            );
            assert!(ids.insert(*id), "{id}");
            assert!(parts.insert(part.to_lowercase()), "{part}");
            assert!(!name.is_empty() && !part.contains(' '), "{part}");
        }
        assert!(SKUS.len() >= 40);
    }

    #[test]
    fn finds_in_any_case() {
        assert_eq!(
            friendly_name("6FD2C87F-b296-42f0-b197-1e91e994b900"),
            Some("Office 365 E3")
        );
        assert_eq!(
            by_part_number("enterprisepremium"),
            Some("c7df2760-2c81-4ef7-b578-5b5392b571df")
        );
        assert_eq!(friendly_name("nope"), None);
    }
}
