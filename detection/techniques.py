"""The tags a rule may carry: what its behaviour is called elsewhere, and whether insiders have been seen doing it."""

from __future__ import annotations

ATTACK_NAMESPACE = "attack"
INSIDER_NAMESPACE = "insider-ttp"
"""`insider-ttp.t1567.002`: the technique is in the Insider Threat TTP Knowledge Base, by its own id."""

TACTICS = frozenset(
    [
        "collection",
        "credential-access",
        "defense-evasion",
        "discovery",
        "exfiltration",
        "impact",
        "initial-access",
        "lateral-movement",
        "persistence",
        "privilege-escalation",
    ]
)
"""Tactics of ATT&CK (version 18) that our rules name."""

TECHNIQUES = {
    "t1021.001": "Remote Desktop Protocol",
    "t1030": "Data Transfer Size Limits",
    "t1036": "Masquerading",
    "t1036.008": "Masquerade File Type",
    "t1039": "Data from Network Shared Drive",
    "t1048": "Exfiltration Over Alternative Protocol",
    "t1052": "Exfiltration Over Physical Medium",
    "t1052.001": "Exfiltration over USB",
    "t1070": "Indicator Removal",
    "t1070.004": "File Deletion",
    "t1074": "Data Staged",
    "t1078": "Valid Accounts",
    "t1078.004": "Cloud Accounts",
    "t1098": "Account Manipulation",
    "t1098.002": "Additional Email Delegate Permissions",
    "t1098.003": "Additional Cloud Roles",
    "t1098.005": "Device Registration",
    "t1110": "Brute Force",
    "t1114": "Email Collection",
    "t1114.002": "Remote Email Collection",
    "t1114.003": "Email Forwarding Rule",
    "t1119": "Automated Collection",
    "t1136": "Create Account",
    "t1199": "Trusted Relationship",
    "t1213": "Data from Information Repositories",
    "t1213.002": "Sharepoint",
    "t1213.004": "Customer Relationship Management Software",
    "t1213.005": "Messaging Applications",
    "t1485": "Data Destruction",
    "t1528": "Steal Application Access Token",
    "t1530": "Data from Cloud Storage",
    "t1531": "Account Access Removal",
    "t1556.009": "Conditional Access Policies",
    "t1560.001": "Archive via Utility",
    "t1562": "Impair Defenses",
    "t1562.002": "Disable Windows Event Logging",
    "t1562.008": "Disable or Modify Cloud Logs",
    "t1564.008": "Email Hiding Rules",
    "t1565.001": "Stored Data Manipulation",
    "t1567": "Exfiltration Over Web Service",
    "t1567.002": "Exfiltration to Cloud Storage",
    "t1567.004": "Exfiltration Over Webhook",
}
"""Techniques of ATT&CK (version 18) that our rules name."""

SEEN_WITH_INSIDERS = frozenset(
    [
        "t1005",
        "t1011",
        "t1011.001",
        "t1016",
        "t1016.001",
        "t1021",
        "t1021.001",
        "t1021.004",
        "t1027",
        "t1036",
        "t1039",
        "t1046",
        "t1048",
        "t1048.001",
        "t1052",
        "t1052.001",
        "t1070",
        "t1070.001",
        "t1070.004",
        "t1074",
        "t1074.001",
        "t1078",
        "t1078.001",
        "t1078.002",
        "t1078.004",
        "t1098",
        "t1098.005",
        "t1106",
        "t1113",
        "t1114",
        "t1114.001",
        "t1119",
        "t1133",
        "t1135",
        "t1136",
        "t1136.001",
        "t1199",
        "t1210",
        "t1213",
        "t1213.002",
        "t1213.003",
        "t1219",
        "t1485",
        "t1496",
        "t1529",
        "t1546",
        "t1546.003",
        "t1548",
        "t1552",
        "t1552.008",
        "t1555",
        "t1555.005",
        "t1560",
        "t1560.001",
        "t1561",
        "t1561.001",
        "t1562",
        "t1562.001",
        "t1565",
        "t1565.001",
        "t1567",
        "t1567.002",
        "t1585",
        "t1588",
        "t1588.002",
        "t1589",
        "t1595",
        "t1595.001",
        "t1650",
        "t1657",
    ]
)
"""All techniques of the Insider Threat TTP Knowledge Base of the Center for Threat-Informed Defense (version 2)."""


def is_known(tag: str) -> bool:
    """Whether a tag is one of ours: an ATT&CK tactic or technique named above, or a technique seen with insiders."""
    namespace, _, name = tag.partition(".")
    if namespace == ATTACK_NAMESPACE:
        return name in TACTICS or name in TECHNIQUES
    return namespace == INSIDER_NAMESPACE and name in SEEN_WITH_INSIDERS
