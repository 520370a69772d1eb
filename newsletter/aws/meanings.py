"""What the errors of AWS and of its SDK mean: the tables into which `faults` looks."""

from collections.abc import Mapping
from enum import Enum

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError


class FaultKind(Enum):
    """What an error is about."""

    CREDENTIALS = "credentials"  # they are missing, wrong or expired
    SETTINGS = "settings"  # of this newsletter, or of AWS on this machine
    CLOCK = "clock"
    PERMISSION = "permission"
    UNREACHABLE = "unreachable"  # nobody answered
    OTHER = "other"

    @property
    def is_configuration(self) -> bool:
        """Whether a person has to change something here before a further try can go better."""
        return self not in (FaultKind.UNREACHABLE, FaultKind.OTHER)


# Files of AWS, and where they are unless the environment says so.
FILES = {
    "AWS_CONFIG_FILE": "~/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
}
FILES_BY_NAME = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CA_BUNDLE",
    "SSLKEYLOGFILE",
)
FILES_OF_PROFILES = ("ca_bundle", "web_identity_token_file")

PROFILE = "Check the profile in ~/.aws/config, and AWS_PROFILE."
ENVIRONMENT = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
CLOCK = "Set the clock of this machine by the network, as with: timedatectl set-ntp true"
PROXY = "Check HTTPS_PROXY and HTTP_PROXY."
NETWORK = "Check the network, the endpoint_url and the region. Credentials are not the cause."
KEY_TEXT = "Set them anew, without spaces, line breaks or letters that are not ASCII."
MACHINE = "Check the role of this machine or container, and what AWS_CONTAINER_… name."
PROCESS = "Run the credential_process of the profile by hand: it must print JSON and exit with 0."
GIVER = "Check the network on the way to what gives the credentials: STS, SSO or the machine."
NUMBERS = (
    "Check the numbers in AWS_METADATA_SERVICE_TIMEOUT, AWS_METADATA_SERVICE_NUM_ATTEMPTS and "
    "~/.aws/config."
)
CERTIFICATE = "Check the certificate of the endpoint, and AWS_CA_BUNDLE."
_LOGIN = "Sign in again: aws sso login, with --profile if you use one."
_MFA = (
    "Get credentials that last as long as this runs, as with: aws sts get-session-token; or use a "
    "role that asks for no code."
)
_S3 = "Check the s3 settings of the profile in ~/.aws/config."
_WAIT = "Wait a moment, and run it again."
_SIGN_UP = "Sign up for the service, and enable the region."
_UNKNOWN_KEY = "AWS does not know this access key: check it."
_OTHER_KEY = "The secret key is not the one of this access key: check AWS_SECRET_ACCESS_KEY."
_RENEW = "Renew the AWS credentials."
_KMS_ALLOWS = (
    "Allow kms:Decrypt and kms:GenerateDataKey for these credentials, in the key's policy too."
)
_KMS = "Check the KMS key by which the queue, the topic or the bucket is encrypted."
_CHANGED = "It did not arrive as it was sent: run it again."

# Errors of the SDK, the first class that fits; the text is its own, through the mask.
SDK: tuple[tuple[type[Exception], FaultKind, str], ...] = (
    (boto.ProfileNotFound, FaultKind.SETTINGS, PROFILE),
    (boto.ConfigParseError, FaultKind.SETTINGS, "Mend that file: it is the configuration of AWS."),
    (boto.ConfigNotFound, FaultKind.SETTINGS, "Check AWS_CONFIG_FILE."),
    (boto.InvalidConfigError, FaultKind.SETTINGS, PROFILE),
    (boto.InfiniteLoopConfigError, FaultKind.SETTINGS, PROFILE),
    (boto.UnknownCredentialError, FaultKind.SETTINGS, PROFILE),
    (boto.NoCredentialsError, FaultKind.CREDENTIALS, ENVIRONMENT),
    (boto.UnauthorizedSSOTokenError, FaultKind.CREDENTIALS, _LOGIN),
    (boto.SSOError, FaultKind.CREDENTIALS, _LOGIN),
    (boto.TokenRetrievalError, FaultKind.CREDENTIALS, _LOGIN),
    (boto.NoAuthTokenError, FaultKind.CREDENTIALS, _LOGIN),
    (boto.LoginError, FaultKind.CREDENTIALS, _LOGIN),
    (boto.MetadataRetrievalError, FaultKind.CREDENTIALS, MACHINE),
    (boto.RefreshWithMFAUnsupportedError, FaultKind.CREDENTIALS, _MFA),
    (boto.MissingDependencyException, FaultKind.SETTINGS, PROFILE),
    (boto.InvalidRetryConfigurationError, FaultKind.SETTINGS, "Check AWS_RETRY_MODE."),
    (boto.InvalidDefaultsMode, FaultKind.SETTINGS, "Check AWS_DEFAULTS_MODE."),
    (
        boto.InvalidSTSRegionalEndpointsConfigError,
        FaultKind.SETTINGS,
        "Check AWS_STS_REGIONAL_ENDPOINTS.",
    ),
    (
        boto.InvalidChecksumConfigError,
        FaultKind.SETTINGS,
        "Check AWS_REQUEST_CHECKSUM_CALCULATION and AWS_RESPONSE_CHECKSUM_VALIDATION.",
    ),
    (
        boto.InvalidIMDSEndpointError,
        FaultKind.SETTINGS,
        "Check AWS_EC2_METADATA_SERVICE_ENDPOINT.",
    ),
    (
        boto.InvalidIMDSEndpointModeError,
        FaultKind.SETTINGS,
        "Check AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE.",
    ),
    (boto.InvalidS3AddressingStyleError, FaultKind.SETTINGS, _S3),
    (
        boto.InvalidS3UsEast1RegionalEndpointConfigError,
        FaultKind.SETTINGS,
        "Check AWS_S3_US_EAST_1_REGIONAL_ENDPOINT.",
    ),
    (boto.UnsupportedS3ConfigurationError, FaultKind.SETTINGS, _S3),
    (boto.UnknownSignatureVersionError, FaultKind.SETTINGS, _S3),
    (boto.InvalidProxiesConfigError, FaultKind.SETTINGS, PROXY),
    (boto.ProxyConnectionError, FaultKind.UNREACHABLE, PROXY),
    (boto.SSLError, FaultKind.UNREACHABLE, CERTIFICATE),
    (boto.ConnectionError, FaultKind.UNREACHABLE, NETWORK),
    (boto.IncompleteReadError, FaultKind.UNREACHABLE, NETWORK),
    (boto.HTTPClientError, FaultKind.UNREACHABLE, NETWORK),
    (boto.ChecksumError, FaultKind.UNREACHABLE, _CHANGED),
    (boto.FlexibleChecksumError, FaultKind.UNREACHABLE, _CHANGED),
)
# There is no such place in this region, or for these switches.
WITHOUT_ENDPOINT = (
    boto.BaseEndpointResolverError,
    boto.EndpointProviderError,
    boto.InvalidEndpointConfigurationError,
    boto.UnknownRegionError,
    boto.ServiceNotInRegionError,
)
VARIANTS = (
    "Check also AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT and the s3 settings in "
    "~/.aws/config."
)
# What the SDK raises for a reply that it cannot read, beside its own errors.
UNREADABLE = (
    ResponseParserError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    UnicodeDecodeError,
)
# By the way in which the SDK sought credentials.
PROVIDERS: Mapping[str, tuple[str, str]] = {
    "custom-process": ("the credential_process of the AWS profile failed", PROCESS),
    "container-role": ("the container gave no credentials", MACHINE),
    "iam-role": ("the machine gave no credentials", MACHINE),
}

# Codes of AWS's answers, without the ending `Exception` that only some of them have.
CODES: Mapping[str, tuple[FaultKind, str]] = {
    "InvalidClientTokenId": (FaultKind.CREDENTIALS, _UNKNOWN_KEY),
    "UnrecognizedClient": (FaultKind.CREDENTIALS, _UNKNOWN_KEY),
    "InvalidSecurity": (FaultKind.CREDENTIALS, _UNKNOWN_KEY),
    "InvalidAccessKeyId": (FaultKind.CREDENTIALS, _UNKNOWN_KEY),
    "SignatureDoesNotMatch": (FaultKind.CREDENTIALS, _OTHER_KEY),
    "InvalidSignature": (FaultKind.CREDENTIALS, _OTHER_KEY),
    "IncompleteSignature": (FaultKind.CREDENTIALS, KEY_TEXT),
    "MissingAuthenticationToken": (FaultKind.CREDENTIALS, ENVIRONMENT),
    "ExpiredToken": (FaultKind.CREDENTIALS, _RENEW),
    "InvalidToken": (FaultKind.CREDENTIALS, _RENEW),
    "TokenRefreshRequired": (FaultKind.CREDENTIALS, _RENEW),
    "RequestExpired": (FaultKind.CLOCK, CLOCK),
    "RequestTimeTooSkewed": (FaultKind.CLOCK, CLOCK),
    "RequestInTheFuture": (FaultKind.CLOCK, CLOCK),
    "OptInRequired": (FaultKind.PERMISSION, _SIGN_UP),
    "SubscriptionRequired": (FaultKind.PERMISSION, _SIGN_UP),
    "NotSignedUp": (FaultKind.PERMISSION, _SIGN_UP),
    "RegionDisabled": (
        FaultKind.PERMISSION,
        "Activate STS for this region in the account settings of IAM.",
    ),
    "AccountProblem": (FaultKind.PERMISSION, "Ask the support of AWS about this account."),
    "AllAccessDisabled": (FaultKind.PERMISSION, "Ask the support of AWS about this account."),
    "AuthorizationHeaderMalformed": (
        FaultKind.SETTINGS,
        "Set the region to the one in which the bucket is.",
    ),
    "IllegalLocationConstraint": (
        FaultKind.SETTINGS,
        "Set the region to the one in which the bucket is.",
    ),
    "UnknownOperation": (FaultKind.OTHER, "Check that endpoint_url is one of this service."),
    "InvalidAction": (FaultKind.OTHER, "Check that endpoint_url is one of this service."),
    "NotImplemented": (FaultKind.OTHER, "Check that endpoint_url is one of this service."),
    "TooManyRequests": (FaultKind.OTHER, _WAIT),
    "Throttling": (FaultKind.OTHER, _WAIT),
    "Throttled": (FaultKind.OTHER, _WAIT),
    "RequestThrottled": (FaultKind.OTHER, _WAIT),
    "RequestLimitExceeded": (FaultKind.OTHER, _WAIT),
    "SlowDown": (FaultKind.OTHER, _WAIT),
    "RequestTimeout": (FaultKind.OTHER, _WAIT),
    "KMSThrottling": (FaultKind.OTHER, _WAIT),
    "KMSThrottled": (FaultKind.OTHER, _WAIT),
    "KMSAccessDenied": (FaultKind.PERMISSION, _KMS_ALLOWS),
    "KMSDisabled": (FaultKind.SETTINGS, _KMS),
    "KMSNotFound": (FaultKind.SETTINGS, _KMS),
    "KMSInvalidState": (FaultKind.SETTINGS, _KMS),
    "KMSOptInRequired": (FaultKind.SETTINGS, _KMS),
    "AccessDenied": (FaultKind.PERMISSION, ""),
    "NotAuthorized": (FaultKind.PERMISSION, ""),
    "AuthorizationError": (FaultKind.PERMISSION, ""),
}
# Refusals that a wrong clock may cause, too: of a signature, or of credentials that the SDK took
# for good.
BY_CLOCK = ("SignatureDoesNotMatch", "InvalidSignature", "ExpiredToken", "InvalidToken")

_IDENTITY = (
    "Check the token in AWS_WEB_IDENTITY_TOKEN_FILE, the identity provider in IAM, and the role's "
    "trust policy."
)
_SSO = "Check sso_account_id and sso_role_name of the profile in ~/.aws/config."
# Answers to what the SDK asks on its own, to get credentials: by operation, then by code; "" is
# any other refusal.
FOR_CREDENTIALS: Mapping[str, Mapping[str, tuple[FaultKind, str]]] = {
    "AssumeRole": {
        "AccessDenied": (
            FaultKind.PERMISSION,
            "Allow sts:AssumeRole for these credentials, and let the role trust them.",
        ),
        "": (FaultKind.SETTINGS, PROFILE),
    },
    "AssumeRoleWithWebIdentity": {
        "AccessDenied": (
            FaultKind.PERMISSION,
            "Allow sts:AssumeRoleWithWebIdentity in the role's trust policy, for this token.",
        ),
        "InvalidIdentityToken": (FaultKind.CREDENTIALS, _IDENTITY),
        "IDPRejectedClaim": (FaultKind.CREDENTIALS, _IDENTITY),
        "ExpiredToken": (
            FaultKind.CREDENTIALS,
            "Renew the token in AWS_WEB_IDENTITY_TOKEN_FILE.",
        ),
        "IDPCommunicationError": (FaultKind.OTHER, _WAIT),
        "": (FaultKind.SETTINGS, PROFILE),
    },
    "GetRoleCredentials": {
        "Unauthorized": (FaultKind.CREDENTIALS, _LOGIN),
        "Forbidden": (FaultKind.PERMISSION, _SSO),
        "": (FaultKind.SETTINGS, _SSO),
    },
}
