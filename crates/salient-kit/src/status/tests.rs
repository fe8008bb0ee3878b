use super::*;

#[test]
fn the_reasons_are_those_of_the_contract() {
    let contract = salient_proto::pool().get_enum_by_name("salient.common.v1.ErrorReason").unwrap();
    let names: Vec<_> = contract
        .values()
        .filter(|value| value.number() != 0)
        .map(|value| value.name().trim_start_matches("ERROR_REASON_").to_owned())
        .collect();
    let ours: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str().to_owned()).collect();
    assert_eq!(ours, names);
}

#[test]
fn a_refusal_carries_reason_and_violations() {
    let status = status(Error::field("orders[3].kind", "must be set"));
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    let info = status.get_details_error_info().unwrap();
    assert_eq!((info.domain.as_str(), info.reason.as_str()), ("salient", "FIELD_INVALID"));
    let bad = status.get_details_bad_request().unwrap();
    assert_eq!(bad.field_violations[0].field, "orders[3].kind");
    assert!(status.get_details_retry_info().is_none());
}

#[test]
fn causes_stay_inside() {
    let defect = status(Error::internal(std::io::Error::other("password is hunter2")));
    assert_eq!(defect.code(), tonic::Code::Internal);
    let id = &defect.get_details_error_info().unwrap().metadata["log_id"];
    assert!(defect.message().contains(id) && !format!("{defect:?}").contains("hunter2"), "{defect:?}");

    let down = status(Error::unavailable(std::io::Error::other("10.0.0.7 refused")));
    assert!(!format!("{down:?}").contains("10.0.0.7"));
    assert_eq!(down.get_details_retry_info().unwrap().retry_delay, Some(PAUSE));
}

#[test]
fn a_status_fits_into_a_header() {
    let violations = (0..1000)
        .map(|index| Violation { field: format!("orders[{index}].kind"), description: "must be set".into() })
        .collect();
    let status = status(Error::fields(violations));
    assert_eq!(status.get_details_bad_request().unwrap().field_violations.len(), VIOLATIONS);
    assert!(status.details().len() < 4096);
    assert!(status.message().contains("first 25"), "{}", status.message());
}

#[test]
fn a_status_of_ours_comes_back_as_it_was() {
    let sent = Error::fields(vec![Violation { field: "a".into(), description: "b".into() }]);
    let back = from_status(status(sent));
    assert_eq!(back.reason(), Reason::FieldInvalid);
    assert_eq!(back.violations(), [Violation { field: "a".into(), description: "b".into() }]);

    for (code, reason) in [
        (tonic::Code::Unavailable, Reason::DependencyUnavailable),
        (tonic::Code::DeadlineExceeded, Reason::DeadlinePassed),
        (tonic::Code::Unknown, Reason::Internal),
    ] {
        assert_eq!(from_status(Status::new(code, "not ours")).reason(), reason);
    }
}

#[test]
fn results_become_answers() {
    let bad: Result<(), Error> = Err(Error::not_found("accounts/x"));
    assert_eq!(bad.into_status().unwrap_err().code(), tonic::Code::NotFound);
    assert_eq!(Ok::<_, Error>(1).into_status().unwrap(), 1);
}
