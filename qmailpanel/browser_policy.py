"""What pages of the panel may do in a browser; no more than they do."""

from csp.constants import NONE, SELF

_nobody = (
    "accelerometer camera display-capture geolocation gyroscope hid magnetometer microphone midi"
    " payment serial usb"
)
PERMISSIONS = {
    "publickey-credentials-create": "self",
    "publickey-credentials-get": "self",
    **dict.fromkeys(_nobody.split(), "none"),
}
CONTENT = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
