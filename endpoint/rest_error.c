#include "rest_error.h"

#include <string.h>

static const struct {
    const char *name;
    unsigned status;
} errors[IMPRINT_REST_ERROR_COUNT] = {
    [IMPRINT_REST_NONE] = {"", 200},
    [IMPRINT_REST_INVALID_REQUEST] = {"InvalidRequestException", 400},
    [IMPRINT_REST_MALFORMED_POLICY] = {"MalformedPolicyException", 400},
    [IMPRINT_REST_CERTIFICATE_VALIDATION] = {"CertificateValidationException",
                                             400},
    [IMPRINT_REST_REGISTRATION_FAILURE] =
        {"ResourceRegistrationFailureException", 400},
    [IMPRINT_REST_INVALID_RESPONSE] = {"InvalidResponseException", 400},
    [IMPRINT_REST_THROTTLING] = {"ThrottlingException", 400},
    [IMPRINT_REST_SERIALIZATION] = {"SerializationException", 400},
    [IMPRINT_REST_UNAUTHORIZED] = {"UnauthorizedException", 401},
    [IMPRINT_REST_NOT_FOUND] = {"ResourceNotFoundException", 404},
    [IMPRINT_REST_CERTIFICATE_STATE] = {"CertificateStateException", 406},
    [IMPRINT_REST_ALREADY_EXISTS] = {"ResourceAlreadyExistsException", 409},
    [IMPRINT_REST_CONFLICTING_UPDATE] = {"ConflictingResourceUpdateException",
                                         409},
    [IMPRINT_REST_DELETE_CONFLICT] = {"DeleteConflictException", 409},
    [IMPRINT_REST_VERSIONS_LIMIT] = {"VersionsLimitExceededException", 409},
    [IMPRINT_REST_VERSION_CONFLICT] = {"VersionConflictException", 409},
    [IMPRINT_REST_CERTIFICATE_CONFLICT] = {"CertificateConflictException", 409},
    [IMPRINT_REST_LIMIT_EXCEEDED] = {"LimitExceededException", 410},
    [IMPRINT_REST_REGISTRATION_CODE] = {"RegistrationCodeValidationException",
                                        400},
    [IMPRINT_REST_INTERNAL] = {"InternalFailureException", 500},
    [IMPRINT_REST_UNAVAILABLE] = {"ServiceUnavailableException", 503},
    [IMPRINT_REST_MISSING_TOKEN] = {"MissingAuthenticationTokenException", 403},
    [IMPRINT_REST_INCOMPLETE_SIGNATURE] = {"IncompleteSignatureException", 403},
    [IMPRINT_REST_INVALID_SIGNATURE] = {"InvalidSignatureException", 403},
    [IMPRINT_REST_UNKNOWN_CLIENT] = {"UnrecognizedClientException", 403},
    [IMPRINT_REST_EXPIRED_TOKEN] = {"ExpiredTokenException", 403},
    [IMPRINT_REST_UNKNOWN_OPERATION] = {"UnknownOperationException", 404},
    [IMPRINT_REST_METHOD] = {"UnknownOperationException", 405},
    [IMPRINT_REST_TOO_LARGE] = {"RequestEntityTooLargeException", 413},
    [IMPRINT_REST_ENTITY_EXISTS] = {"EntityAlreadyExists", 409},
    [IMPRINT_REST_NO_SUCH_ENTITY] = {"NoSuchEntity", 404},
    [IMPRINT_REST_IAM_DELETE_CONFLICT] = {"DeleteConflict", 409},
    [IMPRINT_REST_INVALID_INPUT] = {"InvalidInput", 400},
    [IMPRINT_REST_MALFORMED_DOCUMENT] = {"MalformedPolicyDocument", 400},
    [IMPRINT_REST_RESOURCE_CONFLICT] = {"ResourceConflictException", 409},
    [IMPRINT_REST_FUNCTION_NOT_FOUND] = {"ResourceNotFoundException", 404},
};

const char *imprint_rest_error_name(enum imprint_rest_error error)
{
    return errors[error].name;
}

enum imprint_rest_error imprint_rest_error_find(const char *name)
{
    for (int i = 0; i < IMPRINT_REST_ERROR_COUNT; i++) {
        if (errors[i].name && strcmp(errors[i].name, name) == 0)
            return (enum imprint_rest_error)i;
    }
    return IMPRINT_REST_INTERNAL;
}

unsigned imprint_rest_error_status(enum imprint_rest_error error)
{
    return errors[error].status;
}
