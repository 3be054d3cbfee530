/// What a client brings back from a provider.
#[derive(Clone, Copy)]
pub struct Grant<'a> {
    pub code: &'a str,
    /// of the challenge that the provider was shown, "" if there was none
    pub verifier: &'a str,
    /// where the provider sent the client, "" if it was not told
    pub redirect_url: &'a str,
}
