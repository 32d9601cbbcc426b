"""The rows of the groups that make up the cluster: network, storage, leases, events, certificates, extension, flow.

Source: the API reference of Kubernetes v1.34, "API discovery".
"""

from __future__ import annotations

from hyperpy.api.kinds.core import EVENT
from hyperpy.api.kinds.kind import Kind

_NETWORKING = "networking.k8s.io"
_STORAGE = "storage.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_FLOW = "flowcontrol.apiserver.k8s.io"
_EXTENSIONS = ("api-extensions",)
_STATUS = ("status",)

LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases", True)
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", True)
EVENT_V1 = Kind("events.k8s.io", "v1", "Event", "events", True, ("ev",), stored=EVENT)
INGRESS = Kind(_NETWORKING, "v1", "Ingress", "ingresses", True, ("ing",), (), _STATUS)
INGRESS_CLASS = Kind(_NETWORKING, "v1", "IngressClass", "ingressclasses", False)
NETWORK_POLICY = Kind(_NETWORKING, "v1", "NetworkPolicy", "networkpolicies", True, ("netpol",))
IP_ADDRESS = Kind(_NETWORKING, "v1", "IPAddress", "ipaddresses", False, ("ip",))
SERVICE_CIDR = Kind(_NETWORKING, "v1", "ServiceCIDR", "servicecidrs", False, (), (), _STATUS)
STORAGE_CLASS = Kind(_STORAGE, "v1", "StorageClass", "storageclasses", False, ("sc",))
VOLUME_ATTACHMENT = Kind(_STORAGE, "v1", "VolumeAttachment", "volumeattachments", False, (), (), _STATUS)
VOLUME_ATTRIBUTES_CLASS = Kind(_STORAGE, "v1", "VolumeAttributesClass", "volumeattributesclasses", False, ("vac",))
CSI_DRIVER = Kind(_STORAGE, "v1", "CSIDriver", "csidrivers", False)
CSI_NODE = Kind(_STORAGE, "v1", "CSINode", "csinodes", False)
CSI_STORAGE_CAPACITY = Kind(_STORAGE, "v1", "CSIStorageCapacity", "csistoragecapacities", True)
CERTIFICATE_SIGNING_REQUEST = Kind(
    "certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", False, ("csr",), (),
    ("approval", "status"),
)  # fmt: skip
FLOW_SCHEMA = Kind(_FLOW, "v1", "FlowSchema", "flowschemas", False, (), (), _STATUS)
PRIORITY_LEVEL_CONFIGURATION = Kind(
    _FLOW, "v1", "PriorityLevelConfiguration", "prioritylevelconfigurations", False, (), (), _STATUS
)
MUTATING_WEBHOOK_CONFIGURATION = Kind(
    _ADMISSION, "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False, (), _EXTENSIONS
)
VALIDATING_WEBHOOK_CONFIGURATION = Kind(
    _ADMISSION, "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False, (), _EXTENSIONS
)
VALIDATING_ADMISSION_POLICY = Kind(
    _ADMISSION, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", False, (), _EXTENSIONS, _STATUS
)
VALIDATING_ADMISSION_POLICY_BINDING = Kind(
    _ADMISSION, "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", False, (), _EXTENSIONS
)
CUSTOM_RESOURCE_DEFINITION = Kind(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False, ("crd", "crds"),
    _EXTENSIONS, _STATUS,
)  # fmt: skip
API_SERVICE = Kind("apiregistration.k8s.io", "v1", "APIService", "apiservices", False, (), _EXTENSIONS, _STATUS)

CLUSTER = (
    LEASE, ENDPOINT_SLICE, EVENT_V1, INGRESS, INGRESS_CLASS, NETWORK_POLICY, IP_ADDRESS, SERVICE_CIDR, STORAGE_CLASS,
    VOLUME_ATTACHMENT, VOLUME_ATTRIBUTES_CLASS, CSI_DRIVER, CSI_NODE, CSI_STORAGE_CAPACITY,
    CERTIFICATE_SIGNING_REQUEST, FLOW_SCHEMA, PRIORITY_LEVEL_CONFIGURATION, MUTATING_WEBHOOK_CONFIGURATION,
    VALIDATING_WEBHOOK_CONFIGURATION, VALIDATING_ADMISSION_POLICY, VALIDATING_ADMISSION_POLICY_BINDING,
    CUSTOM_RESOURCE_DEFINITION, API_SERVICE,
)  # fmt: skip
