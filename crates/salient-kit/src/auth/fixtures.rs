//! Public keys and a token of each, made once and good until 2100; the private keys are gone.
//! Tenant `acme`, subject `s07`, role `seller`.

use crate::config::Algorithm;

/// Algorithm, kid, public key, token.
pub(super) const SIGNED: [(Algorithm, &str, &str, &str); 3] = [
    (
        Algorithm::EdDsa,
        "ed",
        "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA1RsKyv4DGdK+wDhIe4tXRMPfXbU7ANeIajQcLSlBDNI=
-----END PUBLIC KEY-----",
        "eyJhbGciOiAiRWREU0EiLCAidHlwIjogIkpXVCIsICJraWQiOiAiZWQifQ.eyJ0ZW5hbnQiOiAiYWNtZSIsICJzdWIiOiAiczA3IiwgInJvbGUiOiAic2VsbGVyIiwgImV4cCI6IDQxMDI0NDQ4MDB9.JFWFyiMQz4d3FUtkr9tAO7u0E4r2FPuOU1FqtPlxT_CQaMKZquLNGvLAV-BtZjfAzxRICwGlGPNS6GCjdvD3Bg",
    ),
    (
        Algorithm::Es256,
        "es",
        "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1uUWE0tzwPom1MY7rA4Ue9Tnguxs
Yrvw5oM96OAoftmodmOCxG6zzUtnjK2+HvJVG7X0zvaN+LpNXZ5+7RA3WA==
-----END PUBLIC KEY-----",
        "eyJhbGciOiAiRVMyNTYiLCAidHlwIjogIkpXVCIsICJraWQiOiAiZXMifQ.eyJ0ZW5hbnQiOiAiYWNtZSIsICJzdWIiOiAiczA3IiwgInJvbGUiOiAic2VsbGVyIiwgImV4cCI6IDQxMDI0NDQ4MDB9.8NCm7Qz47dy16ql2i66e3WgYXvb000XFcY9XHbIm-za-aQATEeNokhe8AlwTggf0lWHA3lKyWlaz33O95qAQ9Q",
    ),
    (
        Algorithm::Rs256,
        "rs",
        "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwJD2XHsc5g++B2ClrhUq
OAFodXFQ6lhIZ6RiTTmDLKN2xk7T+9duQ1MlAOfG3YHXom6SVhO9rU1lhsz0p1cD
w4Vta6C1fYTaKnCZF3Nmmxndoijd5LUjrqpG1i0xcDgf4DI8MvRtKmlmOzerw9uI
TFPV3U60d7JDHc3w+E0v8Y5ob3t7ftwSCg1LcVGcymjOACeiau1tXtcVxzoweeKb
u12g5wRSN+YlHzmb69BqifMfQMCpoWoJOGvbAEbl/h2tpVtn2GTVCQkVYFI5ERP6
pmr1LtZk3ObEXmiTS9l5y4kdra9Cxfot+nV9mVyiwsFj+ryFTs7nn7iGM8V5AW2S
iwIDAQAB
-----END PUBLIC KEY-----",
        "eyJhbGciOiAiUlMyNTYiLCAidHlwIjogIkpXVCIsICJraWQiOiAicnMifQ.eyJ0ZW5hbnQiOiAiYWNtZSIsICJzdWIiOiAiczA3IiwgInJvbGUiOiAic2VsbGVyIiwgImV4cCI6IDQxMDI0NDQ4MDB9.osaPtAOC8IaaxH5BJUZEZPAtIEH8Xyz4080L5XPVaM6bADE7Gj9xOTr3t7QmGlgHRXNCo50e4QhkRNU7yE5BwCj2v2A_xPGxBgER61YgrjZYi_umpdvWY7RSDD_PE5RgPTA4BUsLsnaziXszyrjm5Nwelw2qxSrkmoeBJJEt3ZQSn5BFrPYpTmRC_DPV11un_Dg9g9WkMsVJgnb4oN5sAnh8QYZLFYa6CgWRyavfLhSQ1OvTqWu3HyM-TuFB13SVyPtYLffSgEfyx5hpDIGZH8IXE0o0yCxvtLUBbfDnyO8HfcmtTQFkz9SGedZDqisPjHbin1ZYk0PIEa1aKYaToA",
    ),
];
