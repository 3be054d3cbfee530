//! The providers. What most have in common is `PLAIN`; what no table tells is in `odd`.

use crate::emails::{self, Emails};
use crate::known::{Credentials, Header, Known, PLAIN, Source};
use crate::odd;
use crate::profile::{Email, Profile, holds};

const OPEN_ID: Known = Known {
    display_name: "OIDC",
    order: 99,
    scopes: &["openid", "email", "profile"],
    credentials: Credentials::Either,
    source: Source::OpenId,
    profile: Profile {
        id: "/sub",
        username: "/preferred_username",
        avatar: "/picture",
        email: Email::If("/email", &["/email_verified"]),
        ..Profile::NONE
    },
    ..PLAIN
};

pub(crate) const TABLE: &[Known] = &[
    Known {
        name: "apple",
        display_name: "Apple",
        order: 1,
        scopes: &["name", "email"],
        params: &[("response_mode", "form_post")],
        auth_url: "https://appleid.apple.com/auth/authorize",
        token_url: "https://appleid.apple.com/auth/token",
        keys_url: "https://appleid.apple.com/auth/keys",
        issuers: &["https://appleid.apple.com"],
        source: Source::IdToken,
        profile: Profile { id: "/sub", email: Email::If("/email", &["/email_verified"]), ..Profile::NONE },
        ..PLAIN
    },
    Known {
        name: "google",
        display_name: "Google",
        order: 2,
        scopes: &[
            "https://www.googleapis.com/auth/userinfo.profile",
            "https://www.googleapis.com/auth/userinfo.email",
        ],
        auth_url: "https://accounts.google.com/o/oauth2/v2/auth",
        token_url: "https://oauth2.googleapis.com/token",
        user_info_url: "https://www.googleapis.com/oauth2/v3/userinfo",
        profile: Profile {
            id: "/sub",
            avatar: "/picture",
            email: Email::If("/email", &["/email_verified"]),
            ..Profile::NONE
        },
        ..PLAIN
    },
    Known {
        name: "microsoft",
        display_name: "Microsoft",
        order: 3,
        scopes: &["User.Read"],
        auth_url: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        token_url: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        user_info_url: "https://graph.microsoft.com/v1.0/me",
        keys_url: "https://login.microsoftonline.com/common/discovery/v2.0/keys",
        profile: Profile { name: &["/displayName"], email: Email::At("/mail"), ..Profile::NONE },
        finish: Some(odd::microsoft::finish),
        ..PLAIN
    },
    Known {
        name: "yandex",
        display_name: "Yandex",
        order: 4,
        scopes: &["login:email", "login:avatar", "login:info"],
        auth_url: "https://oauth.yandex.com/authorize",
        token_url: "https://oauth.yandex.com/token",
        user_info_url: "https://login.yandex.ru/info",
        profile: Profile {
            name: &["/real_name"],
            username: "/login",
            email: Email::At("/default_email"),
            ..Profile::NONE
        },
        finish: Some(odd::yandex::finish),
        ..PLAIN
    },
    Known {
        name: "facebook",
        display_name: "Facebook",
        order: 5,
        scopes: &["email"],
        auth_url: "https://www.facebook.com/v3.2/dialog/oauth",
        token_url: "https://graph.facebook.com/v3.2/oauth/access_token",
        user_info_url: "https://graph.facebook.com/me?fields=name,email,picture.type(large)",
        profile: Profile { avatar: "/picture/data/url", email: Email::At("/email"), ..Profile::NONE },
        ..PLAIN
    },
    Known {
        name: "instagram2",
        display_name: "Instagram",
        order: 6,
        scopes: &["instagram_business_basic"],
        auth_url: "https://www.instagram.com/oauth/authorize",
        token_url: "https://api.instagram.com/oauth/access_token",
        user_info_url: "https://graph.instagram.com/me?fields=id,username,account_type,user_id,name,profile_picture_url",
        profile: Profile {
            id: "/user_id",
            username: "/username",
            avatar: "/profile_picture_url",
            ..Profile::NONE
        },
        finish: Some(odd::instagram::finish),
        ..PLAIN
    },
    Known {
        name: "github",
        display_name: "GitHub",
        order: 7,
        scopes: &["read:user", "user:email"],
        auth_url: "https://github.com/login/oauth/authorize",
        token_url: "https://github.com/login/oauth/access_token",
        user_info_url: "https://api.github.com/user",
        profile: Profile { username: "/login", avatar: "/avatar_url", ..Profile::NONE },
        emails: Some(emails::COMMON),
        ..PLAIN
    },
    Known {
        name: "gitlab",
        display_name: "GitLab",
        order: 8,
        scopes: &["read_user"],
        auth_url: "https://gitlab.com/oauth/authorize",
        token_url: "https://gitlab.com/oauth/token",
        user_info_url: "https://gitlab.com/api/v4/user",
        profile: Profile {
            username: "/username",
            avatar: "/avatar_url",
            email: Email::At("/email"),
            ..Profile::NONE
        },
        finish: Some(odd::gitlab::finish),
        ..PLAIN
    },
    Known {
        name: "bitbucket",
        display_name: "Bitbucket",
        order: 9,
        pkce: false,
        scopes: &["account"],
        auth_url: "https://bitbucket.org/site/oauth2/authorize",
        token_url: "https://bitbucket.org/site/oauth2/access_token",
        user_info_url: "https://api.bitbucket.org/2.0/user",
        credentials: Credentials::Header,
        profile: Profile {
            id: "/uuid",
            name: &["/display_name"],
            username: "/username",
            avatar: "/links/avatar/href",
            active: Some(("/account_status", "active")),
            ..Profile::NONE
        },
        emails: Some(Emails {
            list: "/values",
            is_main: |email| holds(email, "/is_primary") && holds(email, "/is_confirmed"),
            ..emails::COMMON
        }),
        ..PLAIN
    },
    Known {
        name: "gitee",
        display_name: "Gitee",
        order: 10,
        scopes: &["user_info", "emails"],
        auth_url: "https://gitee.com/oauth/authorize",
        token_url: "https://gitee.com/oauth/token",
        user_info_url: "https://gitee.com/api/v5/user",
        profile: Profile { username: "/login", avatar: "/avatar_url", ..Profile::NONE },
        emails: Some(Emails {
            url: "https://gitee.com/api/v5/emails",
            list: "",
            is_main: emails::is_main_of_gitee,
        }),
        ..PLAIN
    },
    Known {
        name: "gitea",
        display_name: "Gitea/Forgejo",
        order: 11,
        scopes: &["read:user", "user:email"],
        auth_url: "https://gitea.com/login/oauth/authorize",
        token_url: "https://gitea.com/login/oauth/access_token",
        user_info_url: "https://gitea.com/api/v1/user",
        profile: Profile {
            name: &["/full_name"],
            username: "/login",
            avatar: "/avatar_url",
            active: Some(("/active", "true")),
            ..Profile::NONE
        },
        emails: Some(emails::COMMON),
        ..PLAIN
    },
    Known {
        name: "discord",
        display_name: "Discord",
        order: 12,
        scopes: &["identify", "email"],
        auth_url: "https://discord.com/api/oauth2/authorize",
        token_url: "https://discord.com/api/oauth2/token",
        user_info_url: "https://discord.com/api/users/@me",
        profile: Profile {
            name: &["/global_name"],
            username: "/username",
            email: Email::If("/email", &["/verified"]),
            ..Profile::NONE
        },
        finish: Some(odd::discord::finish),
        ..PLAIN
    },
    Known {
        name: "twitter",
        display_name: "X/Twitter",
        order: 13,
        scopes: &["users.read", "users.email", "tweet.read"],
        auth_url: "https://x.com/i/oauth2/authorize",
        token_url: "https://api.x.com/2/oauth2/token",
        user_info_url: "https://api.x.com/2/users/me?user.fields=id,name,username,profile_image_url,confirmed_email",
        credentials: Credentials::Header,
        profile: Profile {
            id: "/data/id",
            name: &["/data/name"],
            username: "/data/username",
            avatar: "/data/profile_image_url",
            email: Email::At("/data/confirmed_email"),
            ..Profile::NONE
        },
        ..PLAIN
    },
    Known {
        name: "kakao",
        display_name: "Kakao",
        order: 14,
        scopes: &["account_email", "profile_nickname", "profile_image"],
        auth_url: "https://kauth.kakao.com/oauth/authorize",
        token_url: "https://kauth.kakao.com/oauth/token",
        user_info_url: "https://kapi.kakao.com/v2/user/me",
        profile: Profile {
            name: &[],
            username: "/properties/nickname",
            avatar: "/properties/profile_image",
            email: Email::If(
                "/kakao_account/email",
                &["/kakao_account/is_email_valid", "/kakao_account/is_email_verified"],
            ),
            ..Profile::NONE
        },
        ..PLAIN
    },
    Known {
        name: "vk",
        display_name: "VK",
        order: 15,
        pkce: false,
        scopes: &["email"],
        auth_url: "https://oauth.vk.com/authorize",
        token_url: "https://oauth.vk.com/access_token",
        user_info_url: "https://api.vk.com/method/users.get?fields=photo_max,screen_name&v=5.131",
        profile: Profile {
            id: "/response/0/id",
            name: &["/response/0/first_name", "/response/0/last_name"],
            username: "/response/0/screen_name",
            avatar: "/response/0/photo_max",
            ..Profile::NONE
        },
        finish: Some(odd::vk::finish),
        ..PLAIN
    },
    Known {
        name: "linear",
        display_name: "Linear",
        order: 16,
        pkce: false,
        scopes: &["read"],
        auth_url: "https://linear.app/oauth/authorize",
        token_url: "https://api.linear.app/oauth/token",
        user_info_url: "https://api.linear.app/graphql",
        source: Source::Query("{ viewer { id displayName name email avatarUrl active } }"),
        profile: Profile {
            id: "/data/viewer/id",
            name: &["/data/viewer/name"],
            username: "/data/viewer/displayName",
            avatar: "/data/viewer/avatarUrl",
            email: Email::At("/data/viewer/email"),
            active: Some(("/data/viewer/active", "true")),
        },
        ..PLAIN
    },
    Known {
        name: "notion",
        display_name: "Notion",
        order: 17,
        auth_url: "https://api.notion.com/v1/oauth/authorize",
        token_url: "https://api.notion.com/v1/oauth/token",
        user_info_url: "https://api.notion.com/v1/users/me",
        credentials: Credentials::Header,
        headers: &[("notion-version", Header::Text("2022-06-28"))],
        profile: Profile {
            id: "/bot/owner/user/id",
            name: &["/bot/owner/user/name"],
            avatar: "/bot/owner/user/avatar_url",
            email: Email::At("/bot/owner/user/person/email"),
            ..Profile::NONE
        },
        ..PLAIN
    },
    Known {
        name: "monday",
        display_name: "monday.com",
        order: 18,
        scopes: &["me:read"],
        auth_url: "https://auth.monday.com/oauth2/authorize",
        token_url: "https://auth.monday.com/oauth2/token",
        user_info_url: "https://api.monday.com/v2",
        source: Source::Query("{ me { id enabled name email is_verified photo_small } }"),
        profile: Profile {
            id: "/data/me/id",
            name: &["/data/me/name"],
            avatar: "/data/me/photo_small",
            email: Email::If("/data/me/email", &["/data/me/is_verified"]),
            active: Some(("/data/me/enabled", "true")),
            ..Profile::NONE
        },
        ..PLAIN
    },
    Known {
        name: "lark",
        display_name: "Lark",
        order: 19,
        auth_url: "https://accounts.feishu.cn/open-apis/authen/v1/authorize",
        token_url: "https://open.feishu.cn/open-apis/authen/v2/oauth/token",
        user_info_url: "https://open.feishu.cn/open-apis/authen/v1/user_info",
        profile: Profile {
            id: "/data/union_id",
            name: &["/data/name"],
            avatar: "/data/avatar_url",
            ..Profile::NONE
        },
        ..PLAIN
    },
    Known {
        name: "box",
        display_name: "Box",
        order: 20,
        scopes: &["root_readonly"],
        auth_url: "https://account.box.com/api/oauth2/authorize",
        token_url: "https://api.box.com/oauth2/token",
        user_info_url: "https://api.box.com/2.0/users/me",
        profile: Profile {
            avatar: "/avatar_url",
            email: Email::At("/login"),
            active: Some(("/status", "active")),
            ..Profile::NONE
        },
        ..PLAIN
    },
    Known {
        name: "spotify",
        display_name: "Spotify",
        order: 21,
        scopes: &["user-read-private"],
        auth_url: "https://accounts.spotify.com/authorize",
        token_url: "https://accounts.spotify.com/api/token",
        user_info_url: "https://api.spotify.com/v1/me",
        credentials: Credentials::Header,
        profile: Profile { name: &["/display_name"], avatar: "/images/0/url", ..Profile::NONE },
        ..PLAIN
    },
    Known {
        name: "trakt",
        display_name: "Trakt",
        order: 22,
        auth_url: "https://trakt.tv/oauth/authorize",
        token_url: "https://api.trakt.tv/oauth/token",
        user_info_url: "https://api.trakt.tv/users/settings",
        headers: &[
            ("content-type", Header::Text("application/json")),
            ("trakt-api-key", Header::ClientId),
            ("trakt-api-version", Header::Text("2")),
        ],
        profile: Profile {
            id: "/user/ids/uuid",
            name: &["/user/name"],
            username: "/user/username",
            avatar: "/user/images/avatar/full",
            ..Profile::NONE
        },
        ..PLAIN
    },
    Known {
        name: "twitch",
        display_name: "Twitch",
        order: 23,
        scopes: &["user:read:email"],
        auth_url: "https://id.twitch.tv/oauth2/authorize",
        token_url: "https://id.twitch.tv/oauth2/token",
        user_info_url: "https://api.twitch.tv/helix/users",
        headers: &[("client-id", Header::ClientId)],
        profile: Profile {
            id: "/data/0/id",
            name: &["/data/0/display_name"],
            username: "/data/0/login",
            avatar: "/data/0/profile_image_url",
            email: Email::At("/data/0/email"),
            ..Profile::NONE
        },
        ..PLAIN
    },
    Known {
        name: "patreon",
        display_name: "Patreon",
        order: 24,
        scopes: &["identity", "identity[email]"],
        auth_url: "https://www.patreon.com/oauth2/authorize",
        token_url: "https://www.patreon.com/api/oauth2/token",
        user_info_url: "https://www.patreon.com/api/oauth2/v2/identity?fields%5Buser%5D=full_name,email,vanity,image_url,is_email_verified",
        profile: Profile {
            id: "/data/id",
            name: &["/data/attributes/full_name"],
            username: "/data/attributes/vanity",
            avatar: "/data/attributes/image_url",
            email: Email::If("/data/attributes/email", &["/data/attributes/is_email_verified"]),
            ..Profile::NONE
        },
        ..PLAIN
    },
    Known {
        name: "strava",
        display_name: "Strava",
        order: 25,
        scopes: &["profile:read_all"],
        auth_url: "https://www.strava.com/oauth/authorize",
        token_url: "https://www.strava.com/api/v3/oauth/token",
        user_info_url: "https://www.strava.com/api/v3/athlete",
        profile: Profile {
            name: &["/firstname", "/lastname"],
            username: "/username",
            avatar: "/profile",
            ..Profile::NONE
        },
        ..PLAIN
    },
    Known {
        name: "wakatime",
        display_name: "WakaTime",
        order: 26,
        scopes: &["email"],
        auth_url: "https://wakatime.com/oauth/authorize",
        token_url: "https://wakatime.com/oauth/token",
        user_info_url: "https://wakatime.com/api/v1/users/current",
        profile: Profile {
            id: "/data/id",
            name: &["/data/display_name"],
            username: "/data/username",
            avatar: "/data/photo",
            email: Email::If("/data/email", &["/data/is_email_confirmed"]),
            ..Profile::NONE
        },
        finish: Some(odd::wakatime::finish),
        ..PLAIN
    },
    Known {
        name: "livechat",
        display_name: "LiveChat",
        order: 27,
        auth_url: "https://accounts.livechat.com/",
        token_url: "https://accounts.livechat.com/token",
        user_info_url: "https://accounts.livechat.com/v2/accounts/me",
        profile: Profile {
            id: "/account_id",
            avatar: "/avatar_url",
            email: Email::If("/email", &["/email_verified"]),
            ..Profile::NONE
        },
        ..PLAIN
    },
    Known {
        name: "mailcow",
        display_name: "mailcow",
        order: 28,
        scopes: &["profile"],
        credentials: Credentials::Either,
        profile: Profile {
            name: &["/full_name"],
            username: "/username",
            email: Email::At("/email"),
            active: Some(("/active", "1")),
            ..Profile::NONE
        },
        finish: Some(odd::mailcow::finish),
        ..PLAIN
    },
    Known {
        name: "planningcenter",
        display_name: "Planning Center",
        order: 29,
        scopes: &["people"],
        auth_url: "https://api.planningcenteronline.com/oauth/authorize",
        token_url: "https://api.planningcenteronline.com/oauth/token",
        user_info_url: "https://api.planningcenteronline.com/people/v2/me",
        profile: Profile {
            id: "/data/id",
            name: &["/data/attributes/name"],
            avatar: "/data/attributes/avatar",
            active: Some(("/data/attributes/status", "active")),
            ..Profile::NONE
        },
        ..PLAIN
    },
    Known { name: "oidc", ..OPEN_ID },
    Known { name: "oidc2", ..OPEN_ID },
    Known { name: "oidc3", ..OPEN_ID },
];
