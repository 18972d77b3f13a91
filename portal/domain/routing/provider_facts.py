"""Facts of the services made for sending, from their own pages (``doc_url``). What depends on a plan is only told.

The first preset that fits a host counts, so that a region stands before the host name it is a part of.
"""

from datetime import date
from typing import Final

from portal.domain.routing import provider_hosts as hosts
from portal.domain.routing.provider_preset import FieldHints, ProviderPreset, UsernameKind, implicit_tls, starttls

_LOOKED_AT: Final = date(2026, 11, 21)

SENDING_SERVICES: Final = (
    ProviderPreset(
        id="sendgrid",
        name="SendGrid",
        hosts=hosts.SENDGRID,
        host="smtp.sendgrid.net",
        services=(*starttls(587, 25, 2525), *implicit_tls(465)),
        username_kind=UsernameKind.LITERAL,
        username_value="apikey",
        hints=FieldHints(
            "At SendGrid the username is the word apikey, the same for everybody.",
            "The password is a SendGrid API key with the permission Mail Send; it begins with SG.",
            "Verify this address as a single sender in SendGrid, or authenticate its domain there.",
        ),
        limits="SendGrid also refuses when the credits of your plan are used up: look at your plan.",
        dashboard_url="https://app.sendgrid.com/email_activity",
        doc_url="https://www.twilio.com/docs/sendgrid/for-developers/sending-email/integrating-with-the-smtp-api",
        verified_on=_LOOKED_AT,
    ),
    ProviderPreset(
        id="postmark",
        name="Postmark",
        hosts=hosts.POSTMARK,
        host="smtp.postmarkapp.com",
        services=starttls(587, 25, 2525),
        username_kind=UsernameKind.KEY,
        hints=FieldHints(
            "At Postmark the username is the server's API token, the same as the password.",
            "The password is the Server API token, found in the server's API Tokens.",
            "Add this address as a Sender Signature in Postmark, or verify its domain there.",
        ),
        caveats=(
            "An SMTP token works as well: its access key is the username, its secret key the password.",
            "Newsletters and digests belong to the host smtp-broadcasts.postmarkapp.com.",
            "A new account sends only to its own domain until Postmark has approved it.",
        ),
        dashboard_url="https://account.postmarkapp.com/servers",
        doc_url="https://postmarkapp.com/developer/user-guide/send-email-with-smtp",
        verified_on=_LOOKED_AT,
    ),
    *(
        ProviderPreset(
            id=preset_id,
            name="Mailgun",
            variant=variant,
            hosts=domains,
            host=host,
            services=(*starttls(587, 25, 2525), *implicit_tls(465)),
            hints=FieldHints(
                "At Mailgun the username is a full SMTP login such as postmaster@ and your sending domain.",
                "The password is that login's SMTP password, not the API key.",
                "Use an address of the domain this login belongs to. A sandbox domain reaches authorized "
                "recipients only.",
            ),
            caveats=("A domain lives in one region: in the other region's server its login is unknown.",),
            dashboard_url="https://app.mailgun.com/",
            doc_url="https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-smtp",
            verified_on=_LOOKED_AT,
        )
        for preset_id, variant, domains, host in (
            ("mailgun-eu", "EU", hosts.MAILGUN_EU, "smtp.eu.mailgun.org"),
            ("mailgun", "US", hosts.MAILGUN, "smtp.mailgun.org"),
        )
    ),
    ProviderPreset(
        id="amazon-ses",
        name="Amazon SES",
        hosts=hosts.SES,
        host="email-smtp.{region}.amazonaws.com",
        region_example="eu-west-1",
        services=(*starttls(587, 25, 2587), *implicit_tls(465, 2465)),
        hints=FieldHints(
            "Amazon SES has SMTP user names of its own; an AWS access key does not work.",
            "SMTP credentials belong to one region: create them in the region this host names.",
            "Verify this address or its domain in the same region. While the account is in the sandbox, every "
            "recipient must be verified too.",
        ),
        limits="In the sandbox Amazon SES allows 200 messages a day and one a second; ask for production access.",
        caveats=("Your own sending rate stands in the SES console: enter it under Advanced.",),
        dashboard_url="https://console.aws.amazon.com/ses/home",
        doc_url="https://docs.aws.amazon.com/ses/latest/dg/smtp-connect.html",
        verified_on=_LOOKED_AT,
    ),
    ProviderPreset(
        id="brevo",
        name="Brevo",
        hosts=hosts.BREVO,
        host="smtp-relay.brevo.com",
        services=(*starttls(587, 2525), *implicit_tls(465)),
        hints=FieldHints(
            "At Brevo the username is the SMTP login from the SMTP & API page.",
            "The password is an SMTP key, not an API key.",
            "Authenticate the domain of this address in Brevo; without that Brevo rewrites the From.",
        ),
        limits="Brevo's free plan allows 300 messages a day.",
        dashboard_url="https://app.brevo.com/",
        doc_url="https://developers.brevo.com/docs/smtp-integration",
        verified_on=_LOOKED_AT,
    ),
    ProviderPreset(
        id="resend",
        name="Resend",
        hosts=hosts.RESEND,
        host="smtp.resend.com",
        services=(*starttls(587, 25, 2587), *implicit_tls(465, 2465)),
        username_kind=UsernameKind.LITERAL,
        username_value="resend",
        hints=FieldHints(
            "At Resend the username is the word resend, the same for everybody.",
            "The password is an API key of Resend.",
            "Verify the domain of this address in Resend.",
        ),
        caveats=("SMTP shares the request limit of your plan's API.",),
        dashboard_url="https://resend.com/emails",
        doc_url="https://resend.com/docs/send-with-smtp",
        verified_on=_LOOKED_AT,
    ),
    ProviderPreset(
        id="mailjet",
        name="Mailjet",
        hosts=hosts.MAILJET,
        host="in-v3.mailjet.com",
        services=(*starttls(587, 25, 2525), *implicit_tls(465)),
        hints=FieldHints(
            "At Mailjet the username is the API key.",
            "The password is the secret key that belongs to the API key.",
            "Validate this address or its domain in Mailjet.",
        ),
        limits="Mailjet's free plan allows 200 messages a day.",
        dashboard_url="https://app.mailjet.com/",
        doc_url="https://dev.mailjet.com/smtp-relay/configuration/",
        verified_on=_LOOKED_AT,
    ),
    *(
        ProviderPreset(
            id=preset_id,
            name="SparkPost",
            variant=variant,
            hosts=domains,
            host=host,
            services=starttls(587, 2525),
            username_value="SMTP_Injection",
            hints=FieldHints(
                "At SparkPost the username is SMTP_Injection.",
                "The password is an API key with the permission Send via SMTP.",
                "Verify the domain of this address as a sending domain in SparkPost.",
            ),
            dashboard_url=dashboard_url,
            doc_url="https://developers.sparkpost.com/api/smtp/",
            verified_on=_LOOKED_AT,
        )
        for preset_id, variant, domains, host, dashboard_url in (
            ("sparkpost-eu", "EU", hosts.SPARKPOST_EU, "smtp.eu.sparkpostmail.com", "https://app.eu.sparkpost.com/"),
            ("sparkpost", "US", hosts.SPARKPOST, "smtp.sparkpostmail.com", "https://app.sparkpost.com/"),
        )
    ),
    ProviderPreset(
        id="smtp2go",
        name="SMTP2GO",
        hosts=hosts.SMTP2GO,
        host="mail.smtp2go.com",
        services=(*starttls(587, 2525, 8025, 25, 80), *implicit_tls(465, 8465, 443)),
        hints=FieldHints(
            "At SMTP2GO the username is an SMTP user, which is not the account's sign-in.",
            "The password is that SMTP user's.",
            "Add this address or its domain under Verified Senders in SMTP2GO.",
        ),
        dashboard_url="https://app.smtp2go.com/",
        doc_url="https://developers.smtp2go.com/docs/smtp-relay",
        verified_on=_LOOKED_AT,
    ),
    ProviderPreset(
        id="mandrill",
        name="Mandrill",
        hosts=hosts.MANDRILL,
        host="smtp.mandrillapp.com",
        services=(*starttls(587, 25, 2525), *implicit_tls(465)),
        username_kind=UsernameKind.FREE,
        hints=FieldHints(
            "At Mandrill the username may be anything; the account's address is usual.",
            "The password is an API key of Mandrill.",
            "Verify the domain of this address as a sending domain in Mandrill.",
        ),
        dashboard_url="https://mandrillapp.com/",
        doc_url="https://mailchimp.com/developer/transactional/docs/smtp-integration/",
        verified_on=_LOOKED_AT,
    ),
)
